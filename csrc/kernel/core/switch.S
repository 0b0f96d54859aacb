/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a new context begins; lwp_start() makes its saved state say so.  See
 * lwp_swtch() in lwp_impl.h for the switch itself.
 */

	.text

	.globl	lwp_trampoline
	.type	lwp_trampoline, @function
	.p2align 4
lwp_trampoline:
	xorl	%ebp, %ebp		/* end of the frames */
	call	lwp_main
	ud2
	.size	lwp_trampoline, . - lwp_trampoline

/*
 * Where calls of a module come by that may be preempted; what is called is in
 * %r11 (rumpy/linker/stubs.py).  All arguments are kept, and the frame is the
 * caller's, so that backtraces name it.
 */
	.globl	sched_point
	.type	sched_point, @function
	.p2align 4
sched_point:
	cmpb	$0, sched_search(%rip)
	jne	1f
	jmp	*%r11
1:	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rax
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%rcx
	pushq	%r8
	pushq	%r9
	pushq	%r11
	call	search_point
	popq	%r11
	popq	%r9
	popq	%r8
	popq	%rcx
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%rax
	popq	%rbp
	jmp	*%r11
	.size	sched_point, . - sched_point

	.section .note.GNU-stack, "", @progbits
