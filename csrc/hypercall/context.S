/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two stacks of a door.
 *
 * hyp_door_run() leaves the host's stack for a kernel's; a hypercall's stub
 * goes back to the host's stack for as long as the hypercall lasts, and
 * hyp_escape() for good.  All three agree on what lies at d_host_sp:
 *
 *	d_host_sp + 56	return address of hyp_door_run
 *	          + 48	rbp
 *	          + 40	rbx
 *	          + 32	r12
 *	          + 24	r13
 *	          + 16	r14
 *	          +  8	r15
 *	          +  0	(padding: d_host_sp is 16-byte aligned)
 *
 * A stub's unwind information describes that frame, not the kernel's, so that
 * whoever unwinds from a hypercall (pthread_exit, a debugger) sees one host
 * stack with hyp_call() in it.
 */
#include <rumpy/hyp_stubs.h>

#define	D_HOST_SP	0
#define	D_KERN_SP	8
#define	D_KERN_BP	16
#define	D_MODE		24
#define	D_ESCAPED	32

	.text

/* rdi door, rsi stack, rdx function, rcx and r8 its arguments */
	.globl	hyp_door_run
	.hidden	hyp_door_run
	.type	hyp_door_run, @function
	.p2align 4
hyp_door_run:
	.cfi_startproc
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	movq	%rsp, D_HOST_SP(%rdi)
	movq	%rdi, %rbx
	movq	$1, D_MODE(%rdi)
	movq	%rsi, %rsp
	xorl	%ebp, %ebp		/* end of the kernel's frames */
	movq	%rcx, %rdi
	movq	%r8, %rsi
	call	*%rdx
	movq	D_HOST_SP(%rbx), %rsp
	movq	$0, D_MODE(%rbx)
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	.cfi_remember_state
	popq	%r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	popq	%r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	popq	%r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	popq	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret
	.cfi_endproc
	.size	hyp_door_run, . - hyp_door_run

/* The host's frame as seen with rsp = d_host_sp. */
#define	HOST_FRAME							\
	.cfi_def_cfa %rsp, 64;						\
	.cfi_offset %rbp, -16;						\
	.cfi_offset %rbx, -24;						\
	.cfi_offset %r12, -32;						\
	.cfi_offset %r13, -40;						\
	.cfi_offset %r14, -48;						\
	.cfi_offset %r15, -56

/* rdi door, esi what hyp_door_run() is to return */
	.globl	hyp_escape
	.hidden	hyp_escape
	.type	hyp_escape, @function
	.p2align 4
hyp_escape:
	.cfi_startproc
	movq	$0, D_MODE(%rdi)
	movq	$1, D_ESCAPED(%rdi)
	movl	%esi, %eax
	movq	D_HOST_SP(%rdi), %rsp
	HOST_FRAME
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%r15
	.cfi_adjust_cfa_offset -8
	popq	%r14
	.cfi_adjust_cfa_offset -8
	popq	%r13
	.cfi_adjust_cfa_offset -8
	popq	%r12
	.cfi_adjust_cfa_offset -8
	popq	%rbx
	.cfi_adjust_cfa_offset -8
	popq	%rbp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size	hyp_escape, . - hyp_escape

/*
 * A fault handler has sent the thread here: rdi is the door, rsp its
 * d_host_sp, as in a stub.
 */
	.globl	hyp_landing
	.hidden	hyp_landing
	.type	hyp_landing, @function
	.p2align 4
hyp_landing:
	.cfi_startproc
	HOST_FRAME
	cld
	call	fault_landed
	ud2
	.cfi_endproc
	.size	hyp_landing, . - hyp_landing

/*
 * rdi to, rsi from, rdx bytes.  A fault between start and end goes on at
 * fault; the signal handler knows the three.
 */
	.globl	hyp_copy_guarded
	.hidden	hyp_copy_guarded
	.type	hyp_copy_guarded, @function
	.globl	hyp_copy_guarded_start, hyp_copy_guarded_end
	.hidden	hyp_copy_guarded_start, hyp_copy_guarded_end
	.globl	hyp_copy_guarded_fault
	.hidden	hyp_copy_guarded_fault
	.p2align 4
hyp_copy_guarded:
	.cfi_startproc
	movq	%rdx, %rcx
hyp_copy_guarded_start:
	rep movsb
hyp_copy_guarded_end:
	movl	$1, %eax
	ret
hyp_copy_guarded_fault:
	xorl	%eax, %eax
	ret
	.cfi_endproc
	.size	hyp_copy_guarded, . - hyp_copy_guarded

/*
 * The stub of a hypercall: the same call with the host's stack pointer.  At
 * most six integer arguments, so none is on the stack.
 */
#define	STUB(name)							\
	.globl	hyp_stub_##name;					\
	.hidden	hyp_stub_##name;					\
	.type	hyp_stub_##name, @function;				\
	.p2align 4;							\
hyp_stub_##name:							\
	.cfi_startproc;							\
	movq	hyp_top@gottpoff(%rip), %r11;				\
	movq	%fs:(%r11), %r11;					\
	movq	%rsp, D_KERN_SP(%r11);					\
	movq	%rbp, D_KERN_BP(%r11);					\
	movq	$0, D_MODE(%r11);					\
	movq	D_HOST_SP(%r11), %rsp;					\
	HOST_FRAME;							\
	call	hyp_on_##name;						\
	movq	hyp_top@gottpoff(%rip), %r11;				\
	movq	%fs:(%r11), %r11;					\
	movq	$1, D_MODE(%r11);					\
	movq	D_KERN_SP(%r11), %rsp;					\
	ret;								\
	.cfi_endproc;							\
	.size	hyp_stub_##name, . - hyp_stub_##name;

HYP_STUBS(STUB)

	.section .note.GNU-stack, "", @progbits
