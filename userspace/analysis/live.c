// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/live.h"

#include "base/map.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

struct live {
	struct map missed;   /* address and target -> last time << 8 | how many closings may be
				explained yet */
	struct map programs; /* target -> number of its program, where that is not 0 */
	struct block *slots; /* open addressing; address 0: free */
	size_t capacity;     /* a power of two */
	struct live_totals totals; /* totals.live_blocks is the table's count */
};

struct live *live_new(void)
{
	return calloc(1, sizeof(struct live));
}

void live_free(struct live *live)
{
	if (!live)
		return;
	map_free(&live->missed);
	map_free(&live->programs);
	free(live->slots);
	free(live);
}

const struct live_totals *live_totals(const struct live *live)
{
	return &live->totals;
}

static size_t home(const struct live *live, uint32_t target, uint64_t address)
{
	return hash_u64(address ^ (uint64_t)target << 48) & (live->capacity - 1);
}

static struct block *find(const struct live *live, uint32_t target, uint64_t address)
{
	size_t i = home(live, target, address);

	while (live->slots[i].address &&
	       (live->slots[i].address != address || live->slots[i].target != target))
		i = (i + 1) & (live->capacity - 1);
	return &live->slots[i];
}

void live_prefetch(const struct live *live, uint32_t target, uint64_t address)
{
	if (live->capacity)
		__builtin_prefetch(&live->slots[home(live, target, address)], 1);
}

static int grow(struct live *live)
{
	struct live grown = { .capacity = live->capacity ? live->capacity * 2 : 4096 };

	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < live->capacity; i++)
		if (live->slots[i].address)
			*find(&grown, live->slots[i].target,
			      live->slots[i].address) = live->slots[i];
	free(live->slots);
	live->slots = grown.slots;
	live->capacity = grown.capacity;
	return 0;
}

/* Frees a slot and moves back what may not stay behind the hole. */
static void remove_slot(struct live *live, size_t i)
{
	size_t mask = live->capacity - 1;

	for (size_t j = (i + 1) & mask; live->slots[j].address; j = (j + 1) & mask) {
		size_t distance = (j - home(live, live->slots[j].target, live->slots[j].address)) &
				  mask;
		if (distance >= ((j - i) & mask)) {
			live->slots[i] = live->slots[j];
			i = j;
		}
	}
	live->slots[i].address = 0;
}

/* Takes a block out of the table and the sums; it is left in *closed. */
static void close_block(struct live *live, struct block *block, struct block *closed)
{
	*closed = *block;
	live->totals.freed_bytes += block->size;
	live->totals.live_bytes -= block->size;
	live->totals.live_blocks--;
	remove_slot(live, (size_t)(block - live->slots));
}

static uint64_t missed_key(uint32_t target, uint64_t address)
{
	return address ^ (uint64_t)target << 48;
}

/* A block was closed because its address was given out again: the event of its release may yet
 * come. */
static int missed_add(struct live *live, uint32_t target, const struct capture_event *event)
{
	uint64_t key = missed_key(target, event->address);
	const uint64_t *known = map_get(&live->missed, key);
	uint64_t count = known ? *known & 0xff : 0;

	live->totals.missed_frees++;
	return map_put(&live->missed, key,
		       event->time_ns << 8 | (count < 0xff ? count + 1 : count));
}

/* Is this release, whose call began before such a closing, the one that seemed to be missed? */
static bool missed_explain(struct live *live, uint32_t target, uint64_t address, uint64_t entry_ns)
{
	uint64_t key = missed_key(target, address);
	uint64_t *known = map_get(&live->missed, key);

	if (!known || *known >> 8 < entry_ns)
		return false;
	if ((--*known & 0xff) == 0)
		map_remove(&live->missed, key, NULL);
	live->totals.missed_frees--;
	return true;
}

/* The call that began at entry_ns releases the block at address. */
static void release(struct live *live, uint32_t target, uint64_t address, uint64_t entry_ns,
		    struct outcome *outcome)
{
	struct block *block = live->capacity ? find(live, target, address) : NULL;

	if (block && block->address && block->time_ns <= entry_ns) {
		outcome->has_freed = true;
		close_block(live, block, &outcome->freed);
	} else if (!missed_explain(live, target, address, entry_ns)) {
		live->totals.frees_of_unknown++;
		outcome->was_unknown = true;
	}
}

static int allocate(struct live *live, const struct capture_event *event, uint32_t target,
		    struct outcome *outcome)
{
	if (live->totals.live_blocks * 8 >= live->capacity * 5) {
		int err = grow(live);
		if (err)
			return err;
	}
	struct block *block = find(live, target, event->address);
	if (block->address) {
		int err = missed_add(live, target, event);
		if (err)
			return err;
		outcome->has_missed = true;
		close_block(live, block, &outcome->missed);
		block = find(live, target, event->address);
	}
	*block = (struct block) { .address = event->address,
				  .size = event->size,
				  .time_ns = event->time_ns,
				  .target = target,
				  .stack = event->stack,
				  .thread = event->thread,
				  .function = event->function };
	outcome->has_allocated = true;
	outcome->allocated = *block;
	live->totals.live_blocks++;
	live->totals.allocated_bytes += event->size;
	live->totals.live_bytes += event->size;
	if (live->totals.live_bytes > live->totals.peak_bytes) {
		live->totals.peak_bytes = live->totals.live_bytes;
		live->totals.peak_time_ns = event->time_ns;
	}
	return 0;
}

static int reallocate(struct live *live, const struct capture_event *event, uint32_t target,
		      struct outcome *outcome)
{
	uint64_t entry_ns = event->time_ns > event->duration_ns
				    ? event->time_ns - event->duration_ns
				    : 0;

	if (event->old_address)
		release(live, target, event->old_address, entry_ns, outcome);
	return allocate(live, event, target, outcome);
}

int live_apply(struct live *live, const struct capture_event *event, uint32_t target,
	       struct outcome *outcome)
{
	*outcome = (struct outcome) { 0 };
	if (event->flags & CAPTURE_EVENT_FAILED) {
		live->totals.failed++;
		return 0;
	}
	if (!event->address)
		return 0;
	switch (event->kind) {
	case CAPTURE_FREE:
		live->totals.frees++;
		release(live, target, event->address, event->time_ns, outcome);
		return 0;
	case CAPTURE_REALLOC:
		live->totals.reallocations++;
		return reallocate(live, event, target, outcome);
	default: live->totals.allocations++; return allocate(live, event, target, outcome);
	}
}

static void end_blocks(struct live *live, uint32_t target, live_ended_fn *ended, void *context)
{
	/* a slot that is freed may be filled from behind: it is looked at again */
	for (size_t i = 0; live->totals.live_blocks && i < live->capacity;) {
		struct block *block = &live->slots[i], closed;
		if (!block->address || block->target != target) {
			i++;
			continue;
		}
		close_block(live, block, &closed);
		live->totals.ended_blocks++;
		if (ended)
			ended(context, &closed);
	}
}

int live_enter_program(struct live *live, uint32_t target, uint32_t program, live_ended_fn *ended,
		       void *context)
{
	uint64_t key = (uint64_t)target + 1;
	const uint64_t *known = map_get(&live->programs, key);

	if (program <= (known ? *known : 0))
		return 0;
	int err = map_put(&live->programs, key, program);
	if (!err)
		end_blocks(live, target, ended, context);
	return err;
}
