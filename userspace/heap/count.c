// SPDX-License-Identifier: GPL-2.0-or-later
#include "heap/count.h"

#include "base/clock.h"
#include "heap/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREV_INUSE    1ull
#define FLAGS	      7ull
#define CHUNK_MIN     32
#define HEADER_BYTES  16	 /* of a chunk, before what the program has */
#define FENCE_BYTES   16	 /* of what ends a heap that another one follows */
#define FAST_LIST_MAX (1u << 20) /* chunks in one list */
#define RETRIES	      3

/* struct tcache_perthread_struct, as a chunk: 2 bytes for each of 64 counts since 2.30, 1 before.
 */
#define CACHE_BINS	    64
#define CACHE_CHUNK_BYTES   0x290
#define CACHE_CHUNK_BYTES_1 0x250

struct walk {
	struct memory *memory;
	const struct regions *regions;
	uint64_t deadline_ns;
	struct census *census;
};

/* What a walk through one heap has found; taken only if it got to the heap's end. */
struct found {
	uint64_t used_blocks, used_bytes, free_blocks, free_bytes, cached_blocks, cached_bytes,
		top_bytes, largest_free_bytes;
	uint64_t at; /* how far it got */
};

static uint64_t word(const void *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* The size of the chunk that is said to be there; 0: it cannot be read. */
static uint64_t size_at(const struct walk *walk, uint64_t chunk)
{
	uint64_t size;

	return memory_read_word(walk->memory, chunk + 8, &size) ? size & ~FLAGS : 0;
}

/*
 * Is that a thread's cache, which is a block like others? Then each bin with a count has a chunk of
 * that bin's size. All free blocks of the cache are in use as far as the heap is concerned.
 */
static bool count_cache(const struct walk *walk, const uint8_t *block, size_t width,
			struct found *found)
{
	const uint8_t *entries = block + CACHE_BINS * width;
	uint64_t blocks = 0, bytes = 0;

	for (unsigned i = 0; i < CACHE_BINS; i++) {
		uint64_t count = width == 2 ? block[2 * i] | block[2 * i + 1] << 8 : block[i];
		uint64_t entry = word(entries + 8 * i), size = CHUNK_MIN + 16 * i;
		if ((count == 0) != (entry == 0) || entry % 16)
			return false;
		if (count && size_at(walk, entry - HEADER_BYTES) != size)
			return false;
		blocks += count;
		bytes += count * size;
	}
	/* an empty one is like any block of zeros */
	found->cached_blocks += blocks;
	found->cached_bytes += bytes;
	return blocks > 0;
}

static bool is_cache(const struct walk *walk, uint64_t chunk, uint64_t size, struct found *found)
{
	uint8_t block[CACHE_CHUNK_BYTES];
	size_t width = size == CACHE_CHUNK_BYTES ? 2 : size == CACHE_CHUNK_BYTES_1 ? 1 : 0;

	return width &&
	       memory_read(walk->memory, chunk + HEADER_BYTES, block,
			   (size_t)size - HEADER_BYTES) &&
	       count_cache(walk, block, width, found);
}

/*
 * From chunk to chunk, from `start` to the top, or to the fence of a heap that is not the last. A
 * chunk is free if the one after it says so. 0: at the end; 1: what is there is no chunk, as the
 * heap has changed; 2: the time is over.
 */
static int walk_chunks(struct walk *walk, uint64_t start, uint64_t end, uint64_t top,
		       struct found *found)
{
	uint64_t chunk = start, size = 0;

	*found = (struct found) { .at = start };
	while (chunk + HEADER_BYTES <= end) {
		const uint8_t *header = memory_view(walk->memory, chunk, HEADER_BYTES);
		if (!header)
			return 1;
		uint64_t now = word(header + 8);
		if (size && now & PREV_INUSE) {
			if (!is_cache(walk, chunk - size, size, found)) {
				found->used_blocks++;
				found->used_bytes += size;
			}
		} else if (size) {
			found->free_blocks++;
			found->free_bytes += size;
			if (size > found->largest_free_bytes)
				found->largest_free_bytes = size;
		}
		found->at = chunk;
		size = now & ~FLAGS;
		if (chunk == top) {
			found->top_bytes = size;
			return size <= end - chunk ? 0 : 1;
		}
		if (size == FENCE_BYTES || (size == 0 && now & PREV_INUSE))
			return 0;
		if (size < CHUNK_MIN || size % 16 || size > end - chunk)
			return 1;
		chunk += size;
		if (walk->memory->start + walk->memory->size <= chunk &&
		    clock_now_ns() > walk->deadline_ns)
			return 2;
	}
	return 1;
}

/* One heap, several times if it changes too much while it is read. */
static void count_chunks(struct walk *walk, uint64_t start, uint64_t end, uint64_t top)
{
	struct census *census = walk->census;
	struct found found;
	int state = 1;

	for (int i = 0; i < RETRIES && state == 1 && (i == 0 || clock_now_ns() < walk->deadline_ns);
	     i++) {
		walk->memory->size = 0; /* what was read before has changed */
		state = walk_chunks(walk, start, end, top, &found);
	}
	if (state)
		census->unread_bytes += end - found.at;
	census->used_blocks += found.used_blocks;
	census->used_bytes += found.used_bytes;
	census->free_blocks += found.free_blocks;
	census->free_bytes += found.free_bytes;
	census->cached_blocks += found.cached_blocks;
	census->cached_bytes += found.cached_bytes;
	census->top_bytes += found.top_bytes;
	if (found.largest_free_bytes > census->largest_free_bytes)
		census->largest_free_bytes = found.largest_free_bytes;
}

static void count_main(struct walk *walk, const struct arena *arena, uint64_t start)
{
	const struct region *region = regions_at(walk->regions, arena->top);

	if (region && start)
		count_chunks(walk, start, region->end, arena->top);
	else
		walk->census->unread_bytes += arena->system_bytes;
}

/* From the heap that has the top back to the first, each by the one after it: struct _heap_info is
 * ar_ptr, prev, size. */
static void count_heaps(struct walk *walk, const struct arena *arena)
{
	uint64_t heap = arena->top & ~(HEAP_BYTES_MAX - 1), info[3],
		 header = arena->address & (HEAP_BYTES_MAX - 1);

	/* a list that leads into itself ends with the time, or when it has more than the arena */
	for (uint64_t bytes = 0;
	     heap && bytes < arena->system_bytes && clock_now_ns() < walk->deadline_ns;
	     bytes += info[2]) {
		if (!memory_read(walk->memory, heap, info, sizeof(info)) ||
		    info[0] != arena->address || !info[2] || info[2] > HEAP_BYTES_MAX ||
		    heap % HEAP_BYTES_MAX)
			return;
		/* the first heap has the arena itself before its chunks */
		uint64_t start = heap + header == arena->address ? arena->address + 2200
								 : heap + header;
		start = (start + 15) & ~15ull;
		count_chunks(walk, start, heap + info[2], arena->top);
		heap = info[1];
	}
}

/* The chunk after this one in a fastbin. Since 2.32 the pointer is combined with its own address,
 * shifted. */
static uint64_t next_fast(const struct walk *walk, uint64_t chunk, uint64_t size)
{
	uint64_t plain, place = chunk + HEADER_BYTES;

	if (!memory_read_word(walk->memory, place, &plain) || !plain)
		return 0;
	uint64_t mangled = plain ^ place >> 12;
	if (mangled == 0)
		return 0;
	if (mangled % 16 == 0 && size_at(walk, mangled) == size)
		return mangled;
	return plain % 16 == 0 && size_at(walk, plain) == size ? plain : 0;
}

static void count_fastbins(struct walk *walk, const struct arena *arena)
{
	struct census *census = walk->census;

	for (unsigned i = 0; i < ARENA_FASTBINS; i++) {
		uint64_t chunk = arena->fastbins[i], size = CHUNK_MIN + 16 * i;
		for (unsigned n = 0; chunk && n < FAST_LIST_MAX && size_at(walk, chunk) == size;
		     n++) {
			census->fast_blocks++;
			census->fast_bytes += size;
			chunk = next_fast(walk, chunk, size);
			if (clock_now_ns() > walk->deadline_ns)
				break;
		}
	}
}

/* Blocks in caches and fastbins look as if they were in use. */
static void subtract(uint64_t *from, uint64_t what)
{
	*from = *from > what ? *from - what : 0;
}

void count_heap(struct memory *memory, const struct regions *regions, uint64_t deadline_ns,
		struct census *census)
{
	struct walk walk = {
		.memory = memory, .regions = regions, .deadline_ns = deadline_ns, .census = census
	};
	struct arenas arenas;

	for (size_t i = 0; i < regions->count; i++) {
		if (!regions->items[i].is_data ||
		    !arenas_find(memory, regions, &regions->items[i], &arenas))
			continue;
		for (size_t k = 0; k < arenas.count; k++) {
			const struct arena *arena = &arenas.items[k];
			census->arenas++;
			census->heap_bytes += arena->system_bytes;
			if (clock_now_ns() > deadline_ns) {
				census->unread_bytes += arena->system_bytes;
				continue;
			}
			if (arena->is_main)
				count_main(&walk, arena, arenas.main_start);
			else
				count_heaps(&walk, arena);
			count_fastbins(&walk, arena);
		}
		census->mapped_blocks += arenas.mapped_blocks;
		census->mapped_bytes += arenas.mapped_bytes;
		free(arenas.items);
	}
	subtract(&census->used_blocks, census->cached_blocks + census->fast_blocks);
	subtract(&census->used_bytes, census->cached_bytes + census->fast_bytes);
	/* regions are larger than what the arena has of them */
	if (census->unread_bytes > census->heap_bytes)
		census->unread_bytes = census->heap_bytes;
}

/* "Name:   123 kB" in a line of its own. */
static uint64_t kilobytes(const char *text, const char *name)
{
	unsigned long long value;

	for (const char *at = text; (at = strstr(at, name)); at++)
		if ((at == text || at[-1] == '\n') &&
		    sscanf(at + strlen(name), ": %llu kB", &value) == 1)
			return value * 1024;
	return 0;
}

void count_resident(const char *text, struct census *census)
{
	census->rss_bytes = kilobytes(text, "Rss");
	census->pss_bytes = kilobytes(text, "Pss");
	census->anonymous_bytes = kilobytes(text, "Anonymous");
	census->swap_bytes = kilobytes(text, "Swap");
}
