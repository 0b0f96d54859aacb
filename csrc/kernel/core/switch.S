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

	.section .note.GNU-stack, "", @progbits
