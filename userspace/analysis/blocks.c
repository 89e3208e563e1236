// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/blocks.h"

#include <errno.h>
#include <stdlib.h>

#define BITS_MIN 12
#define BITS_MAX 32 /* of the hash */

static size_t capacity_of(const struct blocks *blocks)
{
	return blocks->slots ? (size_t)1 << blocks->bits : 0;
}

/* The hashes are in the slots: no block is looked at. */
static int grow(struct blocks *blocks)
{
	struct blocks grown = { .bits = blocks->slots ? blocks->bits + 1 : BITS_MIN };
	size_t old = capacity_of(blocks), capacity = (size_t)1 << grown.bits;

	if (grown.bits > BITS_MAX)
		return -ENOMEM;
	struct block *places = realloc(blocks->places, capacity / 2 * sizeof(*places));
	if (!places)
		return -ENOMEM;
	blocks->places = places;
	grown.slots = calloc(capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < old; i++) {
		size_t at = blocks_home(&grown, blocks->slots[i].hash);
		if (!blocks->slots[i].place)
			continue;
		while (grown.slots[at].place)
			at = (at + 1) & (capacity - 1);
		grown.slots[at] = blocks->slots[i];
	}
	free(blocks->slots);
	blocks->slots = grown.slots;
	blocks->bits = grown.bits;
	return 0;
}

int blocks_reserve(struct blocks *blocks)
{
	return blocks->count < capacity_of(blocks) / 2 ? 0 : grow(blocks);
}

struct block *blocks_put(struct blocks *blocks, struct blocks_slot *slot, const struct block *block)
{
	uint32_t place = blocks->free_place;

	if (place)
		blocks->free_place = blocks->places[place - 1].stack;
	else
		place = (uint32_t)++blocks->place_count;
	blocks->count++;
	*slot = (struct blocks_slot) { blocks_hash(block->target, block->address), place };
	blocks->places[place - 1] = *block;
	return &blocks->places[place - 1];
}

/* Closes the hole by moving back every later slot of the run that may not stay where it is. */
static void free_slot(struct blocks *blocks, size_t i)
{
	struct blocks_slot *slots = blocks->slots;
	size_t mask = capacity_of(blocks) - 1;

	for (size_t j = (i + 1) & mask; slots[j].place; j = (j + 1) & mask) {
		if (((j - blocks_home(blocks, slots[j].hash)) & mask) < ((j - i) & mask))
			continue;
		slots[i] = slots[j];
		i = j;
	}
	slots[i].place = 0;
}

void blocks_take(struct blocks *blocks, struct blocks_slot *slot, struct block *taken)
{
	struct block *block = &blocks->places[slot->place - 1];

	*taken = *block;
	block->address = 0;
	block->stack = blocks->free_place;
	blocks->free_place = slot->place;
	blocks->count--;
	free_slot(blocks, (size_t)(slot - blocks->slots));
}

void blocks_free(struct blocks *blocks)
{
	free(blocks->slots);
	free(blocks->places);
	*blocks = (struct blocks) { 0 };
}
