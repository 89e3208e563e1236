// SPDX-License-Identifier: GPL-2.0-or-later
/* Many live blocks: many [-g FIFO] [-o FILE] [BLOCKS] */
#include "truth.h"
#include "random.h"

#define BLOCKS_MAX (1 << 20)

static struct block blocks[BLOCKS_MAX];

SITE struct block site_many(size_t size)
{
	return block_malloc(__func__, size);
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	uint64_t count = truth_number(argc, argv, next, 100000);
	struct random random = { 521288629 };

	if (count > BLOCKS_MAX)
		return 2;
	truth_go();
	for (uint64_t i = 0; i < count; i++)
		blocks[i] = site_many(16 + random_below(&random, 500));
	for (uint64_t i = 0; i < count; i++)
		if (random_below(&random, 2))
			block_free(&blocks[i]);
	truth_end();
}
