// SPDX-License-Identifier: GPL-2.0-or-later
#include "heap/arena.h"

#include <stdlib.h>
#include <string.h>

#define BINS	       127
#define EMPTY_BINS_MIN 8 /* by chance so many places do not point to themselves */
#define DATA_BYTES_MAX (64ull << 20)

/* struct malloc_state */
#define FASTBINS_OFFSET 16
#define TOP_OFFSET	96
#define BINS_OFFSET	112
#define NEXT_OFFSET	2160
#define SYSTEM_OFFSET	2184
#define STATE_BYTES	2200

static uint64_t word_at(const uint8_t *bytes, size_t offset)
{
	uint64_t word;

	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

/* An arena's `next`: the arena itself, or one at the start of a heap (32 or 48 bytes of struct
 * _heap_info before it). */
static bool is_arena_address(uint64_t address, uint64_t main)
{
	uint64_t offset = address & (HEAP_BYTES_MAX - 1);

	return address == main || (address && (offset == 32 || offset == 48));
}

/* What is at `address` is an arena in use. Before the first allocation its bins are 0. */
static bool is_state(const uint8_t *state, uint64_t address, uint64_t main)
{
	unsigned empty = 0;

	if (!is_arena_address(word_at(state, NEXT_OFFSET), main) || !word_at(state, TOP_OFFSET) ||
	    word_at(state, TOP_OFFSET) % 16)
		return false;
	for (unsigned i = 0; i < BINS; i++) {
		uint64_t forward = word_at(state, BINS_OFFSET + 16 * i),
			 back = word_at(state, BINS_OFFSET + 16 * i + 8);
		uint64_t self = address + BINS_OFFSET + 16 * i - 16;
		if ((forward == self) != (back == self) || !forward || !back || forward % 16 ||
		    back % 16)
			return false;
		empty += forward == self;
	}
	return empty >= EMPTY_BINS_MIN;
}

static void parse_state(const uint8_t *state, uint64_t address, struct arena *arena)
{
	*arena = (struct arena) { .address = address,
				  .top = word_at(state, TOP_OFFSET),
				  .system_bytes = word_at(state, SYSTEM_OFFSET) };
	for (unsigned i = 0; i < ARENA_FASTBINS; i++)
		arena->fastbins[i] = word_at(state, FASTBINS_OFFSET + 8 * i);
}

static bool is_known(const struct arenas *arenas, uint64_t address)
{
	for (size_t i = 0; i < arenas->count; i++)
		if (arenas->items[i].address == address)
			return true;
	return false;
}

/* Follows the ring. One that leads elsewhere, into itself, or changes meanwhile, ends there. */
static bool read_ring(const struct memory *memory, uint64_t main, struct arenas *arenas)
{
	uint8_t state[STATE_BYTES];
	uint64_t address = main;

	arenas->items = malloc(ARENAS_MAX * sizeof(*arenas->items));
	if (!arenas->items)
		return false;
	do {
		/* of a main arena that was just seen to be one, at least that is left */
		if (!memory_read(memory, address, state, sizeof(state)) ||
		    !is_state(state, address, main))
			break;
		parse_state(state, address, &arenas->items[arenas->count]);
		arenas->items[arenas->count++].is_main = address == main;
		address = word_at(state, NEXT_OFFSET);
	} while (!is_known(arenas, address) && arenas->count < ARENAS_MAX);
	return arenas->count > 0;
}

/*
 * struct malloc_par: found by its sbrk_base, which is where the main arena's heap begins. Before it
 * are counts that fit each other; since 2.35 one more int is before these. After it come the limits
 * of threads' caches.
 */
static bool is_parameters(const uint8_t *at, size_t n_mmaps_offset)
{
	int32_t counts[3]; /* n_mmaps, n_mmaps_max, max_n_mmaps */
	uint64_t mapped = word_at(at - 16, 0), most = word_at(at - 8, 0);
	uint64_t cache_bins = word_at(at, 8), cache_bytes = word_at(at, 16);

	memcpy(counts, at - n_mmaps_offset, sizeof(counts));
	return counts[0] >= 0 && counts[0] <= counts[2] && counts[2] <= counts[1] &&
	       counts[1] > 0 && mapped <= most && mapped % 4096 == 0 &&
	       (counts[0] == 0) == (mapped == 0) && cache_bins <= 128 &&
	       cache_bytes <= 16 * cache_bins + 24 && cache_bytes + 32 > 16 * cache_bins;
}

static void read_parameters(const uint8_t *data, size_t size, const struct region *heap,
			    struct arenas *arenas)
{
	static const size_t OFFSETS[] = { 36, 32 };

	for (size_t i = 40; i + 24 <= size; i += 8) {
		uint64_t start = word_at(data, i);
		if (start < heap->start || start >= arenas->items[0].top)
			continue;
		for (size_t k = 0; k < 2; k++) {
			int32_t count;
			if (!is_parameters(data + i, OFFSETS[k]))
				continue;
			memcpy(&count, data + i - OFFSETS[k], sizeof(count));
			arenas->main_start = (start + 15) & ~15ull;
			arenas->mapped_blocks = (uint64_t)count;
			arenas->mapped_bytes = word_at(data, i - 16);
			return;
		}
	}
}

bool arenas_find(struct memory *memory, const struct regions *regions, const struct region *region,
		 struct arenas *arenas)
{
	size_t size = (size_t)(region->end - region->start);
	bool is_found = false;

	*arenas = (struct arenas) { 0 };
	if (size > DATA_BYTES_MAX || size < STATE_BYTES)
		return false;
	uint8_t *data = malloc(size);
	if (!data || !memory_read(memory, region->start, data, size)) {
		free(data);
		return false;
	}
	for (size_t i = 0; !is_found && i + STATE_BYTES <= size; i += 16) {
		uint64_t address = region->start + i;
		is_found = is_state(data + i, address, address) &&
			   read_ring(memory, address, arenas);
	}
	if (is_found) {
		const struct region *heap = regions_at(regions, arenas->items[0].top);
		/* where that is not found, chunks may yet lead from the mapping's start to the top
		 */
		arenas->main_start = heap ? heap->start : 0;
		if (heap)
			read_parameters(data, size, heap, arenas);
	} else {
		free(arenas->items);
		arenas->items = NULL;
	}
	free(data);
	return is_found;
}
