// SPDX-License-Identifier: GPL-2.0-or-later
/* The same addresses again and again, from different places: reuse [-g FIFO] [-o FILE] [ROUNDS] */
#include "truth.h"

SITE struct block site_first(size_t size)
{
	return block_malloc(__func__, size);
}

SITE struct block site_second(size_t size)
{
	return block_calloc(__func__, 1, size);
}

SITE void site_third(struct block *block, size_t size)
{
	block_realloc(__func__, block, size);
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	uint64_t rounds = truth_number(argc, argv, next, 5000);

	truth_go();
	for (uint64_t i = 0; i < rounds; i++) {
		struct block first = site_first(40 + i % 8), second;

		block_free(&first);
		second = site_second(40 + i % 8);
		site_third(&second, 600 + i % 100);
		first = site_first(40);
		block_free(&second);
		if (i % 100)
			block_free(&first);
	}
	truth_end();
}
