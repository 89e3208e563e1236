// SPDX-License-Identifier: GPL-2.0-or-later
/* Every call of the C library that allocates, in every form that it has: basic [-g FIFO] [-o FILE]
 */
#include "truth.h"

#include <malloc.h>

#define BLOCKS_MAX 256

static struct block blocks[BLOCKS_MAX];
static unsigned block_count;
/* weak: only jemalloc has it; to ask dlsym for it would allocate */
int mallctl(const char *, void *, size_t *, void *, size_t) __attribute__((weak));

/* volatile: the compiler warns of sizes that it can see cannot be had */
static volatile size_t huge = PTRDIFF_MAX - 4096;
static volatile size_t half = SIZE_MAX / 2 + 1;

static void keep(struct block block)
{
	if (block_count == BLOCKS_MAX)
		abort();
	blocks[block_count++] = block;
}

SITE void site_malloc(size_t size)
{
	keep(block_malloc(__func__, size));
}

SITE void site_calloc(size_t count, size_t size)
{
	keep(block_calloc(__func__, count, size));
}

SITE void site_realloc_null(size_t size)
{
	struct block block = { 0 };

	block_realloc(__func__, &block, size);
	keep(block);
}

SITE void site_realloc_grow(size_t size)
{
	struct block block = block_malloc(__func__, 10);

	block_realloc(__func__, &block, size);
	keep(block);
}

SITE void site_realloc_shrink(size_t from, size_t to)
{
	struct block block = block_malloc(__func__, from);

	block_realloc(__func__, &block, to);
	keep(block);
}

SITE void site_realloc_other(struct block *block, size_t size)
{
	block_realloc(__func__, block, size);
}

SITE void site_realloc_zero(size_t size)
{
	struct block block = block_malloc(__func__, size);

	block_realloc(__func__, &block, 0);
	keep(block);
}

SITE void site_realloc_fail(size_t size)
{
	struct block block = block_malloc(__func__, size);

	block_realloc(__func__, &block, huge);
	keep(block);
}

SITE void site_reallocarray(size_t count, size_t size)
{
	struct block block = { 0 };
	size_t larger = count * 3;

	truth_realloc(__func__, &block, reallocarray(NULL, count, size), count * size);
	truth_realloc(__func__, &block, reallocarray(block.address, larger, size), larger * size);
	truth_realloc(__func__, &block, reallocarray(block.address, half, 4), SIZE_MAX);
	keep(block);
}

SITE void site_aligned_alloc(size_t alignment, size_t size)
{
	keep(truth_alloc(__func__, aligned_alloc(alignment, size), size));
}

SITE void site_memalign(size_t alignment, size_t size)
{
	keep(truth_alloc(__func__, memalign(alignment, size), size));
}

SITE void site_posix_memalign(size_t alignment, size_t size)
{
	/* not NULL: a failed call leaves it as it is */
	void *address = (void *)0x1234;
	int error = posix_memalign(&address, alignment, size);

	keep(truth_alloc(__func__, error ? NULL : address, size));
}

SITE void site_valloc(size_t size)
{
	keep(truth_alloc(__func__, valloc(size), size));
}

SITE void site_pvalloc(size_t size)
{
#ifdef __GLIBC__ /* others do not have it */
	keep(truth_alloc(__func__, pvalloc(size), size));
#else
	keep(truth_alloc(__func__, malloc(size), size));
#endif
}

SITE void site_strdup(const char *text)
{
#ifdef __GLIBC__ /* musl has no call frame information: stacks end in it */
	keep(truth_alloc(__func__, strdup(text), strlen(text) + 1));
#else
	keep(truth_alloc(__func__, malloc(strlen(text) + 1), strlen(text) + 1));
#endif
}

SITE void site_fail(void)
{
	keep(block_malloc(__func__, huge));
	keep(block_calloc(__func__, 1, huge));
	keep(block_calloc(__func__, half, 4));
	keep(block_calloc(__func__, half, 2));
}

static void allocate(void)
{
	static const size_t sizes[] = { 0, 1, 24, 100, 4096, 131072, 5000000 };

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		site_malloc(sizes[i]);
		site_calloc(3, sizes[i]);
		site_realloc_null(sizes[i]);
		site_realloc_grow(sizes[i] + 11);
		site_realloc_shrink(sizes[i] + 64, sizes[i] / 2 + 1);
		site_realloc_zero(sizes[i]);
		site_realloc_fail(sizes[i] + 7);
		site_reallocarray(sizes[i] + 1, 8);
		site_aligned_alloc(64, sizes[i] / 64 * 64 + 64);
		site_memalign(256, sizes[i] + 3);
		site_posix_memalign(32, sizes[i] + 5);
		site_valloc(sizes[i] + 9);
		/* jemalloc has none: glibc's would give a block that jemalloc's free refuses */
		if (!mallctl)
			site_pvalloc(sizes[i] + 9);
	}
	site_strdup("a string that somebody else allocates");
	site_fail();
	site_posix_memalign(3, 64);
	site_posix_memalign(4096, huge);
}

int main(int argc, char **argv)
{
	truth_arguments(argc, argv);
	truth_go();
	allocate();
	for (unsigned i = 0; i < block_count; i += 3)
		site_realloc_other(&blocks[i], blocks[i].size + 4000);
	for (unsigned i = 0; i < block_count; i += 2)
		block_free(&blocks[i]);
	for (unsigned i = 0; i < 100; i++)
		free(NULL);
	allocate();
	truth_end();
}
