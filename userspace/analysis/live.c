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
	struct blocks blocks;
	struct live_totals totals; /* totals.live_blocks is the table's count */
	uint32_t tag;
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
	blocks_free(&live->blocks);
	free(live);
}

const struct live_totals *live_totals(const struct live *live)
{
	return &live->totals;
}

void live_set_tag(struct live *live, uint32_t tag)
{
	live->tag = tag;
}

const struct blocks *live_blocks(const struct live *live)
{
	return &live->blocks;
}

/* Takes a block out of the table and the sums; it is left in *closed. */
static void close_block(struct live *live, struct blocks_slot *slot, struct block *closed)
{
	blocks_take(&live->blocks, slot, closed);
	live->totals.freed_bytes += closed->size;
	live->totals.live_bytes -= closed->size;
	live->totals.live_blocks--;
}

/* Never 0, which is no key of a map. */
static uint64_t missed_key(uint32_t target, uint64_t address)
{
	uint64_t key = address ^ (uint64_t)target << 48;

	return key ? key : 1;
}

/* A block was closed because its address was given out again: the event of its release may yet
 * come. */
static int missed_add(struct live *live, uint64_t key, uint64_t time_ns)
{
	const uint64_t *known = map_get(&live->missed, key);
	uint64_t count = known ? *known & 0xff : 0;

	live->totals.missed_frees++;
	return map_put(&live->missed, key, time_ns << 8 | (count < 0xff ? count + 1 : count));
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
	struct blocks_slot *slot = blocks_find(&live->blocks, target, address);

	if (slot && blocks_at(&live->blocks, slot)->time_ns <= entry_ns) {
		outcome->has_freed = true;
		close_block(live, slot, &outcome->freed);
	} else if (missed_explain(live, target, address, entry_ns)) {
		outcome->was_late = true;
		outcome->late_key = missed_key(target, address);
	} else {
		live->totals.frees_of_unknown++;
		outcome->was_unknown = true;
	}
}

/* One more block lives since time_ns. */
static void count_live(struct live_totals *totals, uint64_t size, uint64_t time_ns)
{
	totals->live_blocks++;
	totals->live_bytes += size;
	if (totals->live_bytes > totals->peak_bytes) {
		totals->peak_bytes = totals->live_bytes;
		totals->peak_time_ns = time_ns;
	}
}

/* Of a block that a realloc has taken the place of another one with. */
static uint16_t resizes_after(const struct outcome *outcome)
{
	if (!outcome->has_freed)
		return 0;
	return outcome->freed.resizes < UINT16_MAX ? outcome->freed.resizes + 1 : UINT16_MAX;
}

static int allocate(struct live *live, const struct capture_event *event, uint32_t target,
		    struct outcome *outcome)
{
	int err = blocks_reserve(&live->blocks);

	if (err)
		return err;
	struct blocks_slot *slot = blocks_slot(&live->blocks, target, event->address);
	if (slot->place) {
		err = missed_add(live, missed_key(target, event->address), event->time_ns);
		if (err)
			return err;
		outcome->has_missed = true;
		outcome->missed_key = missed_key(target, event->address);
		close_block(live, slot, &outcome->missed);
		slot = blocks_slot(&live->blocks, target, event->address);
	}
	struct block *block = blocks_put(&live->blocks, slot, target, event->address);
	block->address = event->address;
	block->size = event->size;
	block->time_ns = event->time_ns;
	block->target = target;
	block->stack = event->stack;
	block->thread = event->thread;
	block->resizes = resizes_after(outcome);
	block->function = event->function;
	block->tag = live->tag;
	outcome->has_allocated = true;
	outcome->allocated = block;
	live->totals.allocated_bytes += event->size;
	count_live(&live->totals, event->size, event->time_ns);
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
	outcome->has_freed = outcome->has_missed = outcome->has_allocated = false;
	outcome->was_unknown = outcome->was_late = false;
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
	const struct blocks *blocks = &live->blocks;

	for (size_t i = 0; blocks->count && i < blocks->place_count; i++) {
		const struct block *block = &blocks->places[i];
		struct block closed;
		if (!block->address || block->target != target)
			continue;
		close_block(live, blocks_slot(blocks, target, block->address), &closed);
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

void live_visit(const struct live *live, live_visit_fn *visit, void *context)
{
	for (size_t i = 0; i < live->blocks.place_count; i++)
		if (live->blocks.places[i].address)
			visit(context, &live->blocks.places[i]);
}

void live_visit_missed(const struct live *live, live_missed_fn *visit, void *context)
{
	for (size_t i = 0; i < live->missed.capacity; i++) {
		const struct map_slot *slot = &live->missed.slots[i];
		for (uint64_t n = slot->key ? slot->value & 0xff : 0; n; n--)
			visit(context, slot->key, slot->value >> 8);
	}
}

int live_restore(struct live *live, const struct block *block, uint64_t now_ns, bool *is_new)
{
	int err = blocks_reserve(&live->blocks);

	if (err)
		return err;
	struct blocks_slot *slot = blocks_slot(&live->blocks, block->target, block->address);
	*is_new = block->address && !slot->place;
	if (!*is_new)
		return 0;
	*blocks_put(&live->blocks, slot, block->target, block->address) = *block;
	live->totals.carried_bytes += block->size;
	live->totals.carried_blocks++;
	count_live(&live->totals, block->size, now_ns);
	return 0;
}

int live_restore_missed(struct live *live, uint64_t key, uint64_t time_ns)
{
	return key ? missed_add(live, key, time_ns) : 0;
}
