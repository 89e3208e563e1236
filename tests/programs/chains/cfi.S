/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that say by hand where their caller is. Each function is one case: it takes a size and calls allocate(),
 * which is C (cfi.c). Those that change rbp leave a number in it that is nobody's frame.
 */
	.macro begin name
	.text
	.globl	\name
	.type	\name, @function
\name:
	.cfi_startproc
	.endm

	.macro end name
	.cfi_endproc
	.size	\name, . - \name
	.endm

/* rbp_frame(size, case): calls a case from a frame that only rbp finds */
	begin rbp_frame
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	mov	%rsp, %rbp
	.cfi_def_cfa_register rbp
	sub	$0x50, %rsp
	call	*%rsi
	leave
	.cfi_def_cfa rsp, 8
	ret
	end rbp_frame

/* The CFA is stored below rbp, as where a frame is realigned and of unknown size. */
	begin deref_rbp
	lea	8(%rsp), %r10
	.cfi_def_cfa r10, 0
	and	$-32, %rsp
	push	-8(%r10)
	push	%rbp
	mov	%rsp, %rbp
	.cfi_escape 0x10, 6, 2, 0x76, 0			/* rbp: saved at rbp + 0 */
	push	%r10
	.cfi_escape 0x0f, 3, 0x76, 0x78, 0x06		/* CFA: *(rbp - 8) */
	sub	$104, %rsp
	call	allocate
	add	$104, %rsp
	pop	%r10
	.cfi_def_cfa r10, 0
	pop	%rbp
	lea	-8(%r10), %rsp
	.cfi_def_cfa rsp, 8
	ret
	end deref_rbp

/* The old stack pointer is stored above the new one, as in hand-written cryptography. */
	begin deref_rsp
	mov	%rsp, %rax
	.cfi_def_cfa_register rax
	sub	$200, %rsp
	and	$-64, %rsp
	mov	%rax, 16(%rsp)
	.cfi_escape 0x0f, 5, 0x77, 16, 0x06, 0x23, 8	/* CFA: *(rsp + 16) + 8 */
	call	allocate
	mov	16(%rsp), %rsp
	.cfi_def_cfa rsp, 8
	ret
	end deref_rsp

	begin rbp_in_the_middle
	sub	$0x108, %rsp
	.cfi_adjust_cfa_offset 0x108
	mov	%rbp, 0x20(%rsp)
	.cfi_rel_offset rbp, 0x20
	mov	$0x1234568, %ebp
	call	allocate
	mov	0x20(%rsp), %rbp
	.cfi_restore rbp
	add	$0x108, %rsp
	.cfi_adjust_cfa_offset -0x108
	ret
	end rbp_in_the_middle

	begin rbp_far_away
	sub	$0x20008, %rsp
	.cfi_adjust_cfa_offset 0x20008
	mov	%rbp, 8(%rsp)
	.cfi_rel_offset rbp, 8
	mov	$0x1234568, %ebp
	call	allocate
	mov	8(%rsp), %rbp
	.cfi_restore rbp
	add	$0x20008, %rsp
	.cfi_adjust_cfa_offset -0x20008
	ret
	end rbp_far_away

	begin rbp_in_register
	push	%r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset r12, 0
	mov	%rbp, %r12
	.cfi_register rbp, r12
	mov	$0x1234568, %ebp
	call	allocate
	mov	%r12, %rbp
	.cfi_restore rbp
	pop	%r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore r12
	ret
	end rbp_in_register

/* rbp_frame's rbp is its CFA - 16: 0x50 bytes above the return address of this one */
	begin rbp_by_expression
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	mov	$0x1234568, %ebp
	.cfi_escape 0x16, 6, 3, 0x77, 0xe0, 0		/* rbp: rsp + 0x60 */
	call	allocate
	lea	0x60(%rsp), %rbp
	.cfi_restore rbp
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	end rbp_by_expression

	begin cfa_by_rbx
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	mov	%rsp, %rbx
	.cfi_def_cfa rbx, 16
	sub	$100, %rsp
	and	$-64, %rsp
	call	allocate
	mov	%rbx, %rsp
	.cfi_def_cfa rsp, 16
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	ret
	end cfa_by_rbx

	begin cfa_by_sum
	sub	$24, %rsp
	.cfi_escape 0x0f, 4, 0x77, 24, 0x38, 0x22	/* CFA: rsp + 24 + 8, as a sum */
	call	allocate
	add	$24, %rsp
	.cfi_def_cfa rsp, 8
	ret
	end cfa_by_sum

/* The return address lies elsewhere, and where it was is one of another function. */
	begin return_address_moved
	sub	$40, %rsp
	.cfi_adjust_cfa_offset 40
	mov	40(%rsp), %rax
	mov	%rax, 16(%rsp)
	.cfi_rel_offset rip, 16
	lea	deref_rsp + 8(%rip), %rax
	mov	%rax, 40(%rsp)
	call	allocate
	mov	16(%rsp), %rax
	mov	%rax, 40(%rsp)
	.cfi_restore rip
	add	$40, %rsp
	.cfi_adjust_cfa_offset -40
	ret
	end return_address_moved

/* Arguments on the stack: another CFA at each of the calls. */
	begin pushes
	push	%rdi
	.cfi_adjust_cfa_offset 8
	call	nothing
	push	$1
	.cfi_adjust_cfa_offset 8
	push	$2
	.cfi_adjust_cfa_offset 8
	mov	16(%rsp), %rdi
	call	allocate
	add	$16, %rsp
	.cfi_adjust_cfa_offset -16
	call	nothing
	pop	%rdi
	.cfi_adjust_cfa_offset -8
	ret
	end pushes

	begin early_return
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbx, 0
	.cfi_remember_state
	test	%rdi, %rdi
	jne	1f
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	ret
1:	.cfi_restore_state
	call	allocate
	pop	%rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore rbx
	ret
	end early_return

/* The call is the last instruction, and the next function begins at the very next byte. */
	begin last_is_call
	sub	$0x208, %rsp
	.cfi_adjust_cfa_offset 0x208
	call	allocate_and_leave
	end last_is_call
	begin begins_at_return_address
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	mov	%rsp, %rbp
	.cfi_def_cfa_register rbp
	call	allocate
	leave
	.cfi_def_cfa rsp, 8
	ret
	end begins_at_return_address

/* A part of it lies elsewhere, and begins in the middle of a frame. */
	begin two_parts
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	mov	%rsp, %rbp
	.cfi_def_cfa_register rbp
	sub	$48, %rsp
	jmp	two_parts.cold
2:	leave
	.cfi_def_cfa rsp, 8
	ret
	end two_parts
	.section .text.unlikely, "ax", @progbits
	.type	two_parts.cold, @function
two_parts.cold:
	.cfi_startproc
	.cfi_def_cfa rbp, 16
	.cfi_offset rbp, -16
	call	allocate
	jmp	2b
	end two_parts.cold

/* Instructions that assemblers do not use by themselves. */
	begin signed_offsets
	push	%rbp
	.cfi_escape 0x12, 7, 0x7e			/* def_cfa_sf: rsp, -2 * -8 */
	.cfi_escape 0x11, 6, 2				/* offset_extended_sf: rbp, 2 * -8 */
	mov	$0x1234568, %ebp
	sub	$64, %rsp
	.cfi_escape 0x13, 0x76				/* def_cfa_offset_sf: -10 * -8 */
	call	allocate
	add	$64, %rsp
	.cfi_escape 0x13, 0x7e
	pop	%rbp
	.cfi_def_cfa rsp, 8
	.cfi_restore rbp
	ret
	end signed_offsets

	begin negative_offset
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_escape 0x2f, 6, 16				/* GNU_negative_offset_extended: rbp, 16 */
	mov	$0x1234568, %ebp
	call	allocate
	pop	%rbp
	.cfi_def_cfa_offset 8
	.cfi_restore rbp
	ret
	end negative_offset

/* Says that nobody has called it. */
	begin outermost
	.cfi_undefined rip
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	allocate
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	end outermost

/* Says nothing at all, but has the old convention's frame. */
	.globl	says_nothing
	.type	says_nothing, @function
says_nothing:
	.nops	32
	push	%rbp
	mov	%rsp, %rbp
	call	allocate
	leave
	ret
	.nops	32
	.size	says_nothing, . - says_nothing

/* Nothing, and no such frame either. */
	.globl	misleads
	.type	misleads, @function
misleads:
	.nops	32
	sub	$8, %rsp
	call	allocate
	add	$8, %rsp
	ret
	.nops	32
	.size	misleads, . - misleads

	.section .note.GNU-stack, "", @progbits
