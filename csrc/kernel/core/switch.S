/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switching between contexts.
 *
 * A context that does not run has its callee-saved registers and the address
 * where it goes on at its saved stack pointer.  The switch jumps there instead
 * of returning: the processor would predict a return to the wrong caller.
 */

	.text

/* void lwp_swtch(uint64_t *save, uint64_t sp) */
	.globl	lwp_swtch
	.type	lwp_swtch, @function
	.p2align 4
lwp_swtch:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	popq	%rcx
	jmp	*%rcx
	.size	lwp_swtch, . - lwp_swtch

/* A new context begins here: its stack is aligned as before a call. */
	.globl	lwp_trampoline
	.type	lwp_trampoline, @function
	.p2align 4
lwp_trampoline:
	xorl	%ebp, %ebp
	call	lwp_main
	ud2
	.size	lwp_trampoline, . - lwp_trampoline

	.section .note.GNU-stack, "", @progbits
