// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/survivors.h"

#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

static struct survivor *slot_of(const struct survivors *survivors, const struct block *block)
{
	size_t mask = survivors->capacity - 1;
	size_t i = hash_u64(block->address ^ (uint64_t)block->target << 48) & mask;

	while (survivors->slots[i].address && (survivors->slots[i].address != block->address ||
					       survivors->slots[i].target != block->target))
		i = (i + 1) & mask;
	return &survivors->slots[i];
}

static void add(void *context, const struct block *block)
{
	*slot_of(context, block) = (struct survivor) { .address = block->address,
						       .time_ns = block->time_ns,
						       .target = block->target };
}

int survivors_find(const struct live *live, struct survivors *survivors)
{
	uint64_t count = live_totals(live)->live_blocks;

	*survivors = (struct survivors) { 0 };
	if (!count)
		return 0;
	survivors->capacity = 2;
	while (survivors->capacity < 2 * count)
		survivors->capacity *= 2;
	survivors->slots = calloc(survivors->capacity, sizeof(*survivors->slots));
	if (!survivors->slots)
		return -ENOMEM;
	live_visit(live, add, survivors);
	return 0;
}

bool survivors_have(const struct survivors *survivors, const struct block *block)
{
	if (!survivors->capacity)
		return false;
	const struct survivor *found = slot_of(survivors, block);
	return found->address && found->time_ns == block->time_ns;
}

void survivors_free(struct survivors *survivors)
{
	free(survivors->slots);
	*survivors = (struct survivors) { 0 };
}
