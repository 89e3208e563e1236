// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of allocator functions that lead nowhere: liar [-g FIFO] [-o FILE]
 *
 * je_malloc is the constant of an instruction, je_calloc a place where the return address is not on
 * top of the stack, je_free is outside of all code. Whoever puts a breakpoint there changes what
 * the functions around them compute.
 */
#include "truth.h"

#define ROUNDS 2000

unsigned long compute(void);
unsigned long keep(unsigned long value);

__asm__(".text\n"
	".globl compute, je_malloc\n"
	".type compute, @function\n"
	".type je_malloc, @function\n"
	"compute:\n"
	".cfi_startproc\n"
	"	movabs $0x1122334455667788, %rax\n"
	".set je_malloc, compute + 3\n"
	"	ret\n"
	".cfi_endproc\n"
	".size compute, . - compute\n"
	".size je_malloc, 4\n"
	".globl keep, je_calloc\n"
	".type keep, @function\n"
	".type je_calloc, @function\n"
	"keep:\n"
	".cfi_startproc\n"
	"	push %rbx\n"
	".cfi_def_cfa_offset 16\n"
	"je_calloc:\n"
	"	push %rdi\n"
	".cfi_def_cfa_offset 24\n"
	"	mov %rdi, %rbx\n"
	"	pop %rax\n"
	".cfi_def_cfa_offset 16\n"
	"	xor %rbx, %rax\n"
	"	pop %rbx\n"
	".cfi_def_cfa_offset 8\n"
	"	ret\n"
	".cfi_endproc\n"
	".size keep, . - keep\n"
	".globl je_free\n"
	".type je_free, @function\n"
	".data\n"
	"je_free: .quad 0x9090909090909090\n"
	".size je_free, 8\n"
	".text\n");

SITE struct block site_honest(size_t size)
{
	return block_malloc(__func__, size);
}

int main(int argc, char **argv)
{
	static struct block blocks[ROUNDS];

	truth_arguments(argc, argv);
	truth_go();
	for (int i = 0; i < ROUNDS; i++) {
		blocks[i] = site_honest(100 + (size_t)i);
		if (compute() != 0x1122334455667788 || keep((unsigned long)i) != 0)
			abort();
		if (i % 2)
			block_free(&blocks[i]);
	}
	truth_end();
}
