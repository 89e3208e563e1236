// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/blocks.h"

#include <errno.h>
#include <stdlib.h>

#define BITS_MIN 12
#define BITS_MAX 32 /* of the hash */

/* The hashes are in the slots: no block is looked at. */
int blocks_grow(struct blocks *blocks)
{
	struct blocks grown = { .bits = blocks->slots ? blocks->bits + 1 : BITS_MIN };
	size_t old = blocks_capacity(blocks), capacity = (size_t)1 << grown.bits;

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

void blocks_free(struct blocks *blocks)
{
	free(blocks->slots);
	free(blocks->places);
	*blocks = (struct blocks) { 0 };
}
