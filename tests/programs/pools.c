// SPDX-License-Identifier: GPL-2.0-or-later
/* A program with allocators of its own, whose memory no malloc knows: pools [-g FIFO] [-o FILE] */
#include "truth.h"

#define ARENA_BYTES (16u << 20)
#define BLOCKS_MAX  512

static unsigned char arena[ARENA_BYTES] __attribute__((aligned(4096)));
static size_t used;
static struct block blocks[BLOCKS_MAX];
static unsigned block_count;

/* The pool's functions: whoever records tells where their arguments are. */
SITE void *pool_get(const char *pool, size_t size)
{
	size_t room = (size + 31) & ~(size_t)15;

	if (!pool || room > ARENA_BYTES - used)
		return NULL;
	used += room;
	return arena + used - room;
}

SITE void pool_put(const char *pool, void *address)
{
	__asm__ volatile("" : : "r"(pool), "r"(address) : "memory");
}

SITE int pool_get_out(void **result, size_t alignment, size_t size)
{
	used = (used + alignment - 1) & ~(alignment - 1);
	void *address = pool_get("inside", size); /* of nested calls the outermost counts */

	if (!address)
		return -1;
	*result = address;
	return 0;
}

SITE void *pool_get_many(size_t size, const char *pool, size_t count)
{
	return pool_get(pool, size * count);
}

SITE void *pool_resize(const char *pool, size_t size, void *old)
{
	void *address = pool_get(pool, size);

	if (address && old)
		pool_put(pool, old);
	return address;
}

/* Local, as most allocators of programs are. */
static SITE void *hidden_get(size_t size)
{
	void *address = malloc(size + 16);

	return address ? (char *)address + 16 : NULL;
}

static SITE void hidden_put(void *address)
{
	__asm__ volatile("" : : "r"(address) : "memory");
}

static void keep(struct block block)
{
	if (block_count == BLOCKS_MAX)
		abort();
	blocks[block_count++] = block;
}

SITE void site_get(size_t size)
{
	keep(truth_alloc(__func__, pool_get("pool", size), size));
}

SITE void site_get_out(size_t size)
{
	void *address = NULL;

	pool_get_out(&address, 256, size);
	keep(truth_alloc(__func__, address, size));
}

SITE void site_get_many(size_t count, size_t size)
{
	keep(truth_alloc(__func__, pool_get_many(size, "pool", count), size * count));
}

SITE void site_resize(struct block *block, size_t size)
{
	truth_realloc(__func__, block, pool_resize("pool", size, block->address), size);
}

SITE void site_hidden(size_t size)
{
	struct block block = truth_alloc(__func__, hidden_get(size), size);
	void *address = block.address;

	if (size % 2) {
		truth_free(&block);
		hidden_put(address);
	}
}

SITE void site_malloc(size_t size)
{
	struct block block = block_malloc(__func__, size);

	block_free(&block);
}

int main(int argc, char **argv)
{
	truth_arguments(argc, argv);
	truth_go();
	for (size_t i = 0; i < 100; i++) {
		site_get(i * 7);
		site_get_out(i * 3 + 1);
		site_get_many(i, 5);
		site_hidden(i + 20);
		site_malloc(i);
	}
	site_get(2 * ARENA_BYTES);
	site_get_out(2 * ARENA_BYTES);
	for (unsigned i = 0; i < block_count; i += 3)
		site_resize(&blocks[i], blocks[i].size + 100);
	for (unsigned i = 0; i < block_count; i += 2) {
		void *address = blocks[i].address;
		truth_free(&blocks[i]);
		pool_put("pool", address);
	}
	truth_end();
}
