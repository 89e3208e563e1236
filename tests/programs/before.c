// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frees blocks that were there before the recorder: before [-g FIFO] [-o FILE]
 *
 * They are frees of unknown blocks, without bytes that anyone could know: the truth has them in
 * `free_of_unknown`, and their number in frees, too.
 */
#include "truth.h"

#define OLD_BLOCKS 500

static void *old[OLD_BLOCKS];

SITE struct block site_new(size_t size)
{
	return block_malloc(__func__, size);
}

int main(int argc, char **argv)
{
	truth_arguments(argc, argv);
	for (unsigned i = 0; i < OLD_BLOCKS; i++)
		old[i] = malloc(10 + i);
	truth_go();
	for (unsigned i = 0; i < OLD_BLOCKS; i++) {
		struct block block = site_new(1000 + i);

		free(old[i]);
		if (i % 2)
			block_free(&block);
	}
	truth_unknown = OLD_BLOCKS;
	truth_end();
}
