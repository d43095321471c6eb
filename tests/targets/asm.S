/* SPDX-License-Identifier: MIT */
/* asm.S: symbols without a size, aliases, and the pieces of an ifunc; called by asm_main.c. */
	.text
	.globl	sizeless
	.type	sizeless, @function
sizeless:
	push	%rbx
	mov	%edi, %ebx
	call	untyped
	add	%ebx, %eax
	pop	%rbx
	ret

	.globl	sizeless_too
	.type	sizeless_too, @function
sizeless_too:
	lea	5(%rdi), %eax
	test	$1, %edi
	jz	1f
	inc	%eax
	ret
1:	ret

	.globl	untyped
	.type	untyped, @function
untyped:
	lea	9(%rdi), %eax
	ret
	.size	untyped, . - untyped

	.globl	original
	.type	original, @function
original:
	lea	(%rdi,%rdi), %eax
	ret
	.size	original, . - original
	.globl	alias
	.set	alias, original
	.weak	weak_alias
	.set	weak_alias, original

	.type	chosen_one, @function
chosen_one:
	lea	11(%rdi), %eax
	ret
	.size	chosen_one, . - chosen_one

/* A function that copies its own return address, as position-independent code of old did. */
	.globl	reads_return
	.type	reads_return, @function
reads_return:
	mov	(%rsp), %rax
	mov	%rax, %rcx
	sub	(%rsp), %rcx
	lea	(%rdi,%rcx), %eax
	ret
	.size	reads_return, . - reads_return

/* ret $8: takes its argument from the stack with it. */
	.globl	pops_argument
	.type	pops_argument, @function
pops_argument:
	mov	8(%rsp), %eax
	ret	$8
	.size	pops_argument, . - pops_argument

	.globl	call_pops_argument
	.type	call_pops_argument, @function
call_pops_argument:
	push	%rbp
	mov	%rsp, %rbp
	push	%rdi
	call	pops_argument
	leave
	ret
	.size	call_pops_argument, . - call_pops_argument

/* rep ret and a jump over data in the text. */
	.globl	rep_ret
	.type	rep_ret, @function
rep_ret:
	mov	%edi, %eax
	cmp	$3, %edi
	jb	1f
	add	$4, %eax
1:	rep ret
	.size	rep_ret, . - rep_ret

	.section .note.GNU-stack, "", @progbits
