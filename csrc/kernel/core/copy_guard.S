/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The two loops that may touch a caller's memory.  Leaf code without a frame:
 * at a landing the stack is what it was at the entry.
 */

#define	EFAULT		14
#define	ENAMETOOLONG	63

	.text

/* int copy_guarded(void *dst, const void *src, size_t n) */
	.p2align 4
	.globl	copy_guarded, copy_guarded_start, copy_guarded_end
	.globl	copy_guarded_landing
	.type	copy_guarded, @function
copy_guarded:
copy_guarded_start:
	cmpq	$64, %rdx
	ja	3f
	movq	%rdx, %rcx
	shrq	$3, %rcx
	jz	2f
1:	movq	(%rsi), %rax
	movq	%rax, (%rdi)
	addq	$8, %rsi
	addq	$8, %rdi
	decq	%rcx
	jnz	1b
2:	andl	$7, %edx
	jz	4f
	movl	%edx, %ecx
	jmp	5f
3:	movq	%rdx, %rcx
5:	rep movsb
4:	xorl	%eax, %eax
	ret
copy_guarded_end:
copy_guarded_landing:
	movl	$EFAULT, %eax
	ret
	.size	copy_guarded, . - copy_guarded

/*
 * int copystr_guarded(const void *from, void *to, size_t size, size_t *done)
 *
 * *DONE, if asked for, counts the NUL.
 */
	.p2align 4
	.globl	copystr_guarded, copystr_guarded_start, copystr_guarded_end
	.globl	copystr_guarded_landing
	.type	copystr_guarded, @function
copystr_guarded:
	movq	%rdx, %r8
copystr_guarded_start:
1:	testq	%rdx, %rdx
	jz	3f
	movb	(%rdi), %al
	movb	%al, (%rsi)
	incq	%rdi
	incq	%rsi
	decq	%rdx
	testb	%al, %al
	jnz	1b
	xorl	%eax, %eax
	jmp	2f
3:	movl	$ENAMETOOLONG, %eax
copystr_guarded_end:
2:	testq	%rcx, %rcx
	jz	4f
	subq	%rdx, %r8
	movq	%r8, (%rcx)
4:	ret
copystr_guarded_landing:
	movl	$EFAULT, %eax
	jmp	2b
	.size	copystr_guarded, . - copystr_guarded

	.section .note.GNU-stack, "", @progbits
