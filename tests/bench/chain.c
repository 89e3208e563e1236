// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chain: calls chain_leaf() under a stack of a given depth. Reads lines "DEPTH CALLS" and answers
 * each by a line when it is done. Built with and without frame pointers.
 */
#include <stdio.h>

/* Its first instruction is one that the kernel emulates. */
__asm__(".globl chain_leaf\n"
	".type chain_leaf, @function\n"
	"chain_leaf:\n"
	"	.cfi_startproc\n"
	"	nop\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size chain_leaf, .-chain_leaf\n");
void chain_leaf(void);

typedef unsigned long chain_call(unsigned int depth, unsigned long calls);

__attribute__((noinline)) static unsigned long bottom(unsigned int depth, unsigned long calls)
{
	for (unsigned long i = 0; i < calls; i++)
		chain_leaf();
	return depth + calls;
}

#define CHAIN_MAX 64
static chain_call *const CHAIN[CHAIN_MAX];

/* Functions of their own, with frames of different sizes, as in a real program. */
#define LINK(number)                                                                          \
	__attribute__((noinline)) static unsigned long link_##number(unsigned int depth,      \
								     unsigned long calls)     \
	{                                                                                     \
		volatile unsigned long local[1 + number % 7 * 4];                             \
		local[0] = calls;                                                             \
		return local[0] + CHAIN[(number + 1) % CHAIN_MAX * (depth > 1)](depth - 1, calls); \
	}
#define LINKS_4(a, b, c, d) LINK(a) LINK(b) LINK(c) LINK(d)
LINKS_4(1, 2, 3, 4)
LINKS_4(5, 6, 7, 8)
LINKS_4(9, 10, 11, 12)
LINKS_4(13, 14, 15, 16)
LINKS_4(17, 18, 19, 20)
LINKS_4(21, 22, 23, 24)
LINKS_4(25, 26, 27, 28)
LINKS_4(29, 30, 31, 32)
LINKS_4(33, 34, 35, 36)
LINKS_4(37, 38, 39, 40)
LINKS_4(41, 42, 43, 44)
LINKS_4(45, 46, 47, 48)
LINKS_4(49, 50, 51, 52)
LINKS_4(53, 54, 55, 56)
LINKS_4(57, 58, 59, 60)
LINKS_4(61, 62, 63, 64)

static chain_call *const CHAIN[CHAIN_MAX] = {
	bottom,	 link_1,  link_2,  link_3,  link_4,  link_5,  link_6,  link_7,	link_8,	 link_9,
	link_10, link_11, link_12, link_13, link_14, link_15, link_16, link_17, link_18, link_19,
	link_20, link_21, link_22, link_23, link_24, link_25, link_26, link_27, link_28, link_29,
	link_30, link_31, link_32, link_33, link_34, link_35, link_36, link_37, link_38, link_39,
	link_40, link_41, link_42, link_43, link_44, link_45, link_46, link_47, link_48, link_49,
	link_50, link_51, link_52, link_53, link_54, link_55, link_56, link_57, link_58, link_59,
	link_60, link_61, link_62, link_63,
};

int main(void)
{
	unsigned int depth;
	unsigned long calls;

	while (scanf("%u %lu", &depth, &calls) == 2 && depth < CHAIN_MAX) {
		unsigned long sum = (depth ? link_1 : bottom)(depth, calls);
		printf("%lu\n", sum);
		fflush(stdout);
	}
	return link_64 == 0;
}
