/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table of blocks, each found by (target, address). Blocks lie side by side, the one that was
 * removed last is used again first, and a hash table of 8 bytes a slot says where each is: open
 * addressing, at most half full, deletion by shifting back. It is what most of a replay waits for
 * memory for, so who knows what comes can fetch it ahead.
 */
#ifndef HEAPTRAIL_ANALYSIS_BLOCKS_H
#define HEAPTRAIL_ANALYSIS_BLOCKS_H

#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block {
	uint64_t address; /* never 0 */
	uint64_t size;
	uint64_t time_ns; /* of its allocation */
	uint32_t target;
	uint32_t stack;
	uint32_t thread;
	uint16_t resizes; /* how often it was resized, in a row; 65535: as often, or more */
	uint8_t function; /* that allocated it */
	uint32_t tag;	  /* analysis/tags.h */
};

struct blocks_slot {
	uint32_t hash;
	uint32_t place; /* of the block, + 1; 0: free */
};

struct blocks {
	struct blocks_slot *slots; /* NULL until the first blocks_reserve() */
	unsigned bits;		   /* there are 1 << bits of them */
	struct block *places;	   /* address 0: free */
	size_t place_count;	   /* that were used so far */
	uint32_t free_place;	   /* + 1, whose stack is the next one; 0: none */
	size_t count;
};

/* Its high bits are the better ones: all of the key's are in them. */
static inline uint32_t blocks_hash(uint32_t target, uint64_t address)
{
	uint64_t key = address ^ (uint64_t)target << 48;

	return (uint32_t)((key ^ key >> 32) * 0x9e3779b97f4a7c15ULL >> 32);
}

/* Where the search for it begins. */
static inline size_t blocks_home(const struct blocks *blocks, uint32_t hash)
{
	return hash >> (32 - blocks->bits);
}

/* The slot of the block, or the free one where it would be. Only after a blocks_reserve(). */
static inline struct blocks_slot *blocks_slot(const struct blocks *blocks, uint32_t target,
					      uint64_t address)
{
	uint32_t hash = blocks_hash(target, address);
	size_t mask = ((size_t)1 << blocks->bits) - 1;

	for (size_t i = blocks_home(blocks, hash);; i = (i + 1) & mask) {
		struct blocks_slot *slot = &blocks->slots[i];
		if (!slot->place)
			return slot;
		if (slot->hash != hash)
			continue;
		const struct block *block = &blocks->places[slot->place - 1];
		if (block->address == address && block->target == target)
			return slot;
	}
}

/* NULL: there is no such block. */
static inline struct blocks_slot *blocks_find(const struct blocks *blocks, uint32_t target,
					      uint64_t address)
{
	struct blocks_slot *slot = blocks->slots ? blocks_slot(blocks, target, address) : NULL;

	return slot && slot->place ? slot : NULL;
}

/* The block of a slot that is not free. */
static inline struct block *blocks_at(const struct blocks *blocks, const struct blocks_slot *slot)
{
	return &blocks->places[slot->place - 1];
}

/*
 * What blocks_slot() will read first, and, when that is there, the block that is probably the one.
 * Neither has a branch: one that is guessed wrong costs more than it saves. Only after a
 * blocks_reserve().
 */
static inline void blocks_prefetch_slot(const struct blocks *blocks, uint32_t hash)
{
	__builtin_prefetch(&blocks->slots[blocks_home(blocks, hash)], 1);
}

static inline const struct block *blocks_guess(const struct blocks *blocks, uint32_t hash)
{
	uint32_t place = blocks->slots[blocks_home(blocks, hash)].place;

	return &blocks->places[place - (place != 0)];
}

static inline size_t blocks_capacity(const struct blocks *blocks)
{
	return blocks->slots ? (size_t)1 << blocks->bits : 0;
}

/* Twice as many slots, and room for blocks of half of them. 0 or -ENOMEM. */
int blocks_grow(struct blocks *blocks);

/* Room for one more; slots and blocks may be elsewhere then. 0 or -ENOMEM. */
static inline int blocks_reserve(struct blocks *blocks)
{
	return blocks->count < blocks_capacity(blocks) / 2 ? 0 : blocks_grow(blocks);
}

/* The place of a block that is to be filled in, known by its free slot from now on; room was
 * reserved. Filled in there and not copied: what was just written piece by piece cannot be read at
 * once as a whole. */
static inline struct block *blocks_put(struct blocks *blocks, struct blocks_slot *slot,
				       uint32_t target, uint64_t address)
{
	uint32_t place = blocks->free_place;

	if (place)
		blocks->free_place = blocks->places[place - 1].stack;
	else
		place = (uint32_t)++blocks->place_count;
	blocks->count++;
	slot->hash = blocks_hash(target, address);
	slot->place = place;
	return &blocks->places[place - 1];
}

/* Closes the hole by moving back every later slot of the run that may not stay where it is. */
static inline void blocks_free_slot(struct blocks *blocks, size_t i)
{
	struct blocks_slot *slots = blocks->slots;
	size_t mask = blocks_capacity(blocks) - 1;

	for (size_t j = (i + 1) & mask; slots[j].place; j = (j + 1) & mask) {
		if (((j - blocks_home(blocks, slots[j].hash)) & mask) < ((j - i) & mask))
			continue;
		slots[i] = slots[j];
		i = j;
	}
	slots[i].place = 0;
}

/* Takes the block out of the table. */
static inline void blocks_take(struct blocks *blocks, struct blocks_slot *slot, struct block *taken)
{
	uint32_t place = slot->place;
	struct block *block = &blocks->places[place - 1];

	*taken = *block;
	block->address = 0;
	block->stack = blocks->free_place;
	blocks->free_place = place;
	blocks->count--;
	blocks_free_slot(blocks, (size_t)(slot - blocks->slots));
}

void blocks_free(struct blocks *blocks);

#endif
