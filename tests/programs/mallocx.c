// SPDX-License-Identifier: GPL-2.0-or-later
/* The functions that only jemalloc has, and malloc beside them: mallocx [-g FIFO] [-o FILE] */
#include "truth.h"

#include <jemalloc/jemalloc.h>

#define ROUNDS	   300
#define BLOCKS_MAX (2 * ROUNDS)

static struct block blocks[BLOCKS_MAX];
static unsigned block_count;

static struct block *keep(struct block block)
{
	if (block_count == BLOCKS_MAX)
		abort();
	blocks[block_count] = block;
	return &blocks[block_count++];
}

SITE struct block *site_mallocx(size_t size, int flags)
{
	return keep(truth_alloc(__func__, mallocx(size, flags), size));
}

SITE void site_rallocx(struct block *block, size_t size)
{
	truth_realloc(__func__, block, rallocx(block->address, size, 0), size);
}

/* Resizes the block where it is, or not at all: it says what size the block has. */
SITE void site_xallocx(struct block *block, size_t size)
{
	void *address = block->address;
	size_t real = xallocx(address, size, 0, 0);

	truth_realloc(__func__, block, real >= size ? address : NULL, size);
}

SITE void site_malloc(size_t size)
{
	keep(block_malloc(__func__, size));
}

static void give_back(struct block *block, unsigned how)
{
	void *address = block->address;
	size_t size = block->size;

	truth_free(block);
	switch (how % 3) {
	case 0: free(address); break;
	case 1: dallocx(address, 0); break;
	case 2: sdallocx(address, size, 0); break;
	}
}

int main(int argc, char **argv)
{
	truth_arguments(argc, argv);
	/* jemalloc's own beginning is not what is counted */
	free(malloc(1));
	truth_go();
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct block *block = site_mallocx(i * 37 + 1, i % 5 ? 0 : MALLOCX_ALIGN(128));
		if (i % 4 == 0)
			site_rallocx(block, i * 50 + 3000);
		if (i % 4 == 1)
			site_xallocx(block, i * 37 + 2); /* mostly fits */
		if (i % 4 == 2)
			site_xallocx(block, 1 << 20); /* mostly does not */
		site_malloc(i);
		/* of an alignment sdallocx would have to be told */
		if (i % 3 == 0 && i % 5)
			give_back(block, i / 3);
	}
	truth_end();
}
