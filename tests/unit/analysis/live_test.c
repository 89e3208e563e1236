// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed;

static uint64_t rnd(void)
{
	seed += 0x9e3779b97f4a7c15ULL;
	uint64_t x = seed;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static struct capture_event allocation(uint64_t time_ns, uint64_t address, uint64_t size)
{
	return (struct capture_event) {
		.kind = CAPTURE_ALLOC, .time_ns = time_ns, .address = address, .size = size
	};
}

static struct capture_event release(uint64_t time_ns, uint64_t address)
{
	return (struct capture_event) { .kind = CAPTURE_FREE,
					.time_ns = time_ns,
					.address = address };
}

static struct capture_event resize(uint64_t entry_ns, uint64_t time_ns, uint64_t old_address,
				   uint64_t address, uint64_t size)
{
	return (struct capture_event) { .kind = CAPTURE_REALLOC,
					.time_ns = time_ns,
					.duration_ns = (uint32_t)(time_ns - entry_ns),
					.old_address = old_address,
					.address = address,
					.size = size };
}

static struct outcome apply_to(struct live *live, uint32_t target, struct capture_event event)
{
	struct outcome outcome;

	assert_int_equal(live_apply(live, &event, target, &outcome), 0);
	return outcome;
}

static struct outcome apply(struct live *live, struct capture_event event)
{
	return apply_to(live, 1, event);
}

static void a_block_lives_until_it_is_freed(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	struct outcome outcome = apply(live, allocation(1, 0x1000, 100));
	assert_true(outcome.has_allocated && !outcome.has_freed && !outcome.has_missed);
	assert_int_equal(totals->live_bytes, 100);
	outcome = apply(live, release(2, 0x1000));
	assert_true(outcome.has_freed && !outcome.has_allocated);
	assert_int_equal(outcome.freed.size, 100);
	assert_int_equal(outcome.freed.time_ns, 1);
	assert_int_equal(totals->live_bytes, 0);
	assert_int_equal(totals->live_blocks, 0);
	assert_int_equal(totals->freed_bytes, 100);
	live_free(live);
}

static void an_address_given_out_again_is_a_missed_free(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	apply(live, allocation(1, 0x1000, 100));
	struct outcome outcome = apply(live, allocation(2, 0x1000, 30));
	assert_true(outcome.has_missed && outcome.has_allocated && !outcome.has_freed);
	assert_int_equal(outcome.missed.size, 100);
	assert_int_equal(totals->missed_frees, 1);
	assert_int_equal(totals->live_bytes, 30);
	assert_int_equal(totals->live_blocks, 1);
	assert_int_equal(totals->frees, 0);
	live_free(live);
}

static void a_realloc_moves_its_block(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	apply(live, allocation(1, 0x1000, 100));
	struct outcome outcome = apply(live, resize(5, 9, 0x1000, 0x2000, 300));
	assert_true(outcome.has_freed && outcome.has_allocated && !outcome.has_missed);
	assert_int_equal(outcome.freed.address, 0x1000);
	assert_int_equal(outcome.allocated->address, 0x2000);
	outcome = apply(live, resize(15, 19, 0x2000, 0x2000, 50));
	assert_true(outcome.has_freed && outcome.has_allocated && !outcome.has_missed);
	assert_int_equal(totals->live_bytes, 50);
	assert_int_equal(totals->live_blocks, 1);
	assert_int_equal(totals->reallocations, 2);
	assert_int_equal(totals->allocations, 1);
	assert_int_equal(totals->allocated_bytes, 450);
	assert_int_equal(totals->freed_bytes, 400);
	assert_int_equal(totals->peak_bytes, 300);
	live_free(live);
}

static void a_realloc_told_late_spares_the_block_that_came_between(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	apply(live, allocation(1, 0x1000, 100));
	/* inside realloc, from 10 to 20, the address is released; another thread gets it at 15 */
	assert_true(apply(live, allocation(15, 0x1000, 7)).has_missed);
	struct outcome outcome = apply(live, resize(10, 20, 0x1000, 0x2000, 300));
	assert_true(outcome.has_allocated && !outcome.has_freed);
	assert_int_equal(totals->missed_frees, 0);
	assert_int_equal(totals->frees_of_unknown, 0);
	assert_int_equal(totals->live_bytes, 307);
	assert_int_equal(apply(live, release(30, 0x1000)).freed.size, 7);
	live_free(live);
}

static void a_realloc_told_after_the_block_between_is_gone_misses_nothing(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	apply(live, allocation(1, 0x1000, 100));
	apply(live, allocation(15, 0x1000, 7));
	apply(live, release(16, 0x1000));
	apply(live, resize(10, 20, 0x1000, 0x2000, 300));
	assert_int_equal(totals->missed_frees, 0);
	assert_int_equal(totals->frees_of_unknown, 0);
	assert_int_equal(totals->live_bytes, 300);
	live_free(live);
}

static void a_late_realloc_of_an_unknown_block_spares_the_block_between(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	apply(live, allocation(15, 0x1000, 7));
	apply(live, resize(10, 20, 0x1000, 0x2000, 300));
	assert_int_equal(totals->frees_of_unknown, 1);
	assert_int_equal(totals->live_bytes, 307);
	/* nor does it take back a free that was missed elsewhere */
	apply(live, allocation(21, 0x3000, 1));
	apply(live, allocation(22, 0x3000, 1));
	apply(live, allocation(35, 0x4000, 7));
	apply(live, resize(30, 40, 0x4000, 0x5000, 1));
	assert_int_equal(totals->missed_frees, 1);
	assert_int_equal(totals->frees_of_unknown, 2);
	live_free(live);
}

static void a_free_after_a_missed_one_does_not_take_it_back(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	apply(live, allocation(1, 0x1000, 1));
	apply(live, allocation(2, 0x1000, 1));
	apply(live, release(3, 0x1000));
	apply(live, release(4, 0x1000));
	assert_int_equal(totals->missed_frees, 1);
	assert_int_equal(totals->frees_of_unknown, 1);
	live_free(live);
}

/* Which no allocator gives out, but a function that the person named may. */
static void an_address_that_is_its_targets_number_is_one_as_any(void **state)
{
	struct live *live = live_new();
	const uint64_t address = 1ull << 48;

	(void)state;
	apply(live, allocation(10, address, 8));
	apply(live, allocation(30, address, 9));
	apply(live, resize(20, 60, address, 0x200, 16));
	assert_int_equal(live_totals(live)->missed_frees, 0);
	assert_int_equal(live_totals(live)->frees_of_unknown, 0);
	live_free(live);
}

static void a_realloc_onto_a_stale_block_tells_both(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	apply(live, allocation(1, 0x1000, 100));
	apply(live, allocation(2, 0x2000, 50));
	struct outcome outcome = apply(live, resize(5, 6, 0x1000, 0x2000, 10));
	assert_true(outcome.has_freed && outcome.has_missed && outcome.has_allocated);
	assert_int_equal(outcome.freed.size, 100);
	assert_int_equal(outcome.missed.size, 50);
	assert_int_equal(totals->live_bytes, 10);
	assert_int_equal(totals->missed_frees, 1);
	live_free(live);
}

static void a_failed_call_changes_nothing(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);
	struct capture_event event;

	(void)state;
	apply(live, allocation(1, 0x1000, 100));
	event = resize(2, 3, 0x1000, 0, 1ULL << 50);
	event.flags = CAPTURE_EVENT_FAILED;
	struct outcome outcome = apply(live, event);
	assert_false(outcome.has_freed || outcome.has_allocated || outcome.has_missed);
	event = allocation(4, 0, 1ULL << 50);
	event.flags = CAPTURE_EVENT_FAILED;
	apply(live, event);
	assert_int_equal(totals->failed, 2);
	assert_int_equal(totals->reallocations, 0);
	assert_int_equal(totals->allocations, 1);
	assert_int_equal(totals->live_bytes, 100);
	assert_true(apply(live, release(5, 0x1000)).has_freed);
	live_free(live);
}

static void frees_of_unknown_blocks_are_counted(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	assert_false(apply(live, release(1, 0x1000)).has_freed);
	apply(live, resize(2, 3, 0x2000, 0x3000, 10));
	assert_int_equal(totals->frees, 1);
	assert_int_equal(totals->frees_of_unknown, 2);
	assert_int_equal(totals->live_bytes, 10);
	assert_int_equal(totals->freed_bytes, 0);
	live_free(live);
}

static void free_of_null_and_realloc_of_null_release_nothing(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	apply(live, release(1, 0));
	apply(live, resize(2, 3, 0, 0x1000, 10));
	assert_int_equal(totals->frees, 0);
	assert_int_equal(totals->frees_of_unknown, 0);
	assert_int_equal(totals->live_bytes, 10);
	live_free(live);
}

static void targets_do_not_share_addresses(void **state)
{
	struct live *live = live_new();

	(void)state;
	/* 65537 differs from 1 only above 16 bits */
	apply_to(live, 1, allocation(1, 0x1000, 1));
	assert_false(apply_to(live, 65537, allocation(2, 0x1000, 2)).has_missed);
	assert_int_equal(apply_to(live, 1, release(3, 0x1000)).freed.size, 1);
	assert_int_equal(apply_to(live, 65537, release(4, 0x1000)).freed.size, 2);
	live_free(live);
}

static void the_peak_and_its_moment_are_kept(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);

	(void)state;
	apply(live, allocation(1, 0x1000, 100));
	apply(live, allocation(2, 0x2000, 100));
	apply(live, release(3, 0x1000));
	apply(live, allocation(4, 0x1000, 100)); /* as high, not higher */
	assert_int_equal(totals->peak_bytes, 200);
	assert_int_equal(totals->peak_time_ns, 2);
	apply(live, allocation(5, 0x3000, 1));
	assert_int_equal(totals->peak_bytes, 201);
	assert_int_equal(totals->peak_time_ns, 5);
	live_free(live);
}

/* The same rules over plain arrays, as simple as they can be. */
#define SLOTS	  3000
#define ADDRESSES 401
struct plain {
	struct block blocks[SLOTS];
	struct {
		uint64_t time_ns; /* of the last */
		unsigned int count;
	} missed[4][ADDRESSES]; /* by target and address */
	struct live_totals totals;
};

static struct block *plain_find(struct plain *plain, uint32_t target, uint64_t address)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (plain->blocks[i].address == address && plain->blocks[i].target == target)
			return &plain->blocks[i];
	return NULL;
}

static void plain_close(struct plain *plain, struct block *block)
{
	plain->totals.live_bytes -= block->size;
	plain->totals.freed_bytes += block->size;
	plain->totals.live_blocks--;
	*block = (struct block) { 0 };
}

static void plain_release(struct plain *plain, uint32_t target, uint64_t address, uint64_t entry)
{
	struct block *block = plain_find(plain, target, address);

	if (block && block->time_ns <= entry) {
		plain_close(plain, block);
		return;
	}
	size_t i = (address - 0x1000) / 16;
	if (plain->missed[target][i].count && plain->missed[target][i].time_ns >= entry) {
		plain->missed[target][i].count--;
		plain->totals.missed_frees--;
		return;
	}
	plain->totals.frees_of_unknown++;
}

static void plain_allocate(struct plain *plain, const struct capture_event *event, uint32_t target)
{
	struct block *block = plain_find(plain, target, event->address);

	if (block) {
		size_t i = (event->address - 0x1000) / 16;
		plain->missed[target][i].time_ns = event->time_ns;
		plain->missed[target][i].count += plain->missed[target][i].count < 255;
		plain->totals.missed_frees++;
		plain_close(plain, block);
	}
	block = plain_find(plain, 0, 0);
	assert_non_null(block);
	*block = (struct block) { .address = event->address,
				  .size = event->size,
				  .time_ns = event->time_ns,
				  .target = target };
	plain->totals.live_blocks++;
	plain->totals.live_bytes += event->size;
	plain->totals.allocated_bytes += event->size;
	if (plain->totals.live_bytes > plain->totals.peak_bytes) {
		plain->totals.peak_bytes = plain->totals.live_bytes;
		plain->totals.peak_time_ns = event->time_ns;
	}
}

static void plain_apply(struct plain *plain, const struct capture_event *event, uint32_t target)
{
	if (event->flags & CAPTURE_EVENT_FAILED) {
		plain->totals.failed++;
	} else if (event->kind == CAPTURE_FREE) {
		plain->totals.frees++;
		plain_release(plain, target, event->address, event->time_ns);
	} else if (event->kind == CAPTURE_ALLOC) {
		plain->totals.allocations++;
		plain_allocate(plain, event, target);
	} else {
		plain->totals.reallocations++;
		if (event->old_address)
			plain_release(plain, target, event->old_address,
				      event->time_ns - event->duration_ns);
		plain_allocate(plain, event, target);
	}
}

static struct capture_event random_event(uint64_t time_ns)
{
	uint64_t address = 0x1000 + rnd() % 400 * 16, old_address = rnd() % 410 * 16;
	struct capture_event event;

	old_address = old_address > 400 * 16 ? 0 : 0x1000 + old_address;
	switch (rnd() % 8) {
	case 0:
	case 1:
	case 2: event = allocation(time_ns, address, rnd() % 1000); break;
	case 3: event = resize(time_ns - rnd() % 40, time_ns, old_address, address, 50); break;
	default: event = release(time_ns - rnd() % 3, address); break;
	}
	if (rnd() % 50 == 0)
		event.flags = CAPTURE_EVENT_FAILED;
	return event;
}

static void random_events_do_as_the_plain_model_says(void **state)
{
	struct plain *plain = calloc(1, sizeof(*plain));
	struct live *live = live_new();
	uint64_t bytes = 0;

	(void)state;
	seed = 1;
	for (uint64_t i = 0; i < 100000; i++) {
		struct capture_event event = random_event(100 + i);
		uint32_t target = 1 + (uint32_t)(rnd() % 3);
		struct outcome outcome = apply_to(live, target, event);
		plain_apply(plain, &event, target);
		assert_memory_equal(live_totals(live), &plain->totals, sizeof(plain->totals));
		bytes += outcome.has_allocated ? outcome.allocated->size : 0;
		bytes -= outcome.has_freed ? outcome.freed.size : 0;
		bytes -= outcome.has_missed ? outcome.missed.size : 0;
		assert_int_equal(bytes, plain->totals.live_bytes);
	}
	assert_true(plain->totals.missed_frees > 100);
	assert_true(plain->totals.frees_of_unknown > 100);
	for (size_t i = 0; i < SLOTS; i++) {
		struct block block = plain->blocks[i];
		if (block.address)
			assert_int_equal(
				apply_to(live, block.target, release(1u << 30, block.address))
					.freed.size,
				block.size);
	}
	assert_int_equal(live_totals(live)->live_blocks, 0);
	assert_int_equal(live_totals(live)->live_bytes, 0);
	live_free(live);
	free(plain);
}

/* A heap where nothing is lost, whose reallocs are told only at their return. */
#define THREADS 8
#define CELLS	64
struct heap {
	uint64_t size_of[CELLS]; /* by address; 0: free */
	bool is_busy[CELLS];	 /* inside a realloc */
	struct {
		bool is_inside;
		uint64_t entry_ns, old_cell, cell, size;
	} threads[THREADS];
};

static uint64_t take_cell(struct heap *heap)
{
	uint64_t cell = rnd() % 8; /* allocators hand out what was freed last: few cells, often */

	while (heap->size_of[cell])
		cell = (cell + 1) % CELLS;
	return cell;
}

static void end_realloc(struct heap *heap, struct live *live, uint64_t now, size_t thread)
{
	if (!heap->threads[thread].is_inside)
		return;
	heap->threads[thread].is_inside = false;
	heap->is_busy[heap->threads[thread].cell] = false;
	apply(live,
	      resize(heap->threads[thread].entry_ns, now, 0x1000 + heap->threads[thread].old_cell,
		     0x1000 + heap->threads[thread].cell, heap->threads[thread].size));
}

static void begin_realloc(struct heap *heap, uint64_t now, size_t thread, uint64_t old_cell)
{
	uint64_t cell = take_cell(heap), size = 1 + rnd() % 100;

	heap->threads[thread].is_inside = true;
	heap->threads[thread].entry_ns = now;
	heap->threads[thread].old_cell = old_cell;
	heap->threads[thread].cell = cell;
	heap->threads[thread].size = size;
	heap->size_of[old_cell] = 0;
	heap->size_of[cell] = size;
	heap->is_busy[cell] = true;
}

static void step(struct heap *heap, struct live *live, uint64_t now, size_t thread, bool has_room)
{
	uint64_t cell = rnd() % CELLS;
	bool is_live = heap->size_of[cell] && !heap->is_busy[cell];

	if (heap->threads[thread].is_inside) {
		end_realloc(heap, live, now, thread);
	} else if (is_live && rnd() % 3) {
		heap->size_of[cell] = 0;
		apply(live, release(now, 0x1000 + cell));
	} else if (is_live && has_room) {
		begin_realloc(heap, now, thread, cell);
	} else if (has_room) {
		cell = take_cell(heap);
		heap->size_of[cell] = 1 + rnd() % 100;
		apply(live, allocation(now, 0x1000 + cell, heap->size_of[cell]));
	}
}

static void reallocs_told_late_lose_and_invent_nothing(void **state)
{
	struct live *live = live_new();
	const struct live_totals *totals = live_totals(live);
	struct heap heap = { 0 };
	uint64_t now = 1, bytes = 0, blocks = 0;

	(void)state;
	seed = 2;
	for (; now < 100000; now++) {
		size_t busy = 0;
		for (size_t i = 0; i < CELLS; i++)
			busy += heap.size_of[i] != 0;
		step(&heap, live, now, rnd() % THREADS, busy < CELLS - THREADS);
	}
	for (size_t thread = 0; thread < THREADS; thread++)
		end_realloc(&heap, live, now++, thread);
	for (size_t i = 0; i < CELLS; i++) {
		bytes += heap.size_of[i];
		blocks += heap.size_of[i] != 0;
	}
	assert_true(totals->reallocations > 1000);
	assert_int_equal(totals->missed_frees, 0);
	assert_int_equal(totals->frees_of_unknown, 0);
	assert_int_equal(totals->live_bytes, bytes);
	assert_int_equal(totals->live_blocks, blocks);
	live_free(live);
}

static void count_ended(void *context, const struct block *block)
{
	assert_int_equal(block->target, 1);
	*(uint64_t *)context += block->size;
}

static void another_program_ends_the_blocks_of_its_process(void **state)
{
	struct live *live = live_new();
	uint64_t ended = 0;

	(void)state;
	for (uint64_t i = 1; i <= 10000; i++) {
		apply_to(live, 1, allocation(i, i << 4, 3));
		apply_to(live, 2, allocation(i, i << 4, 5));
	}
	assert_int_equal(live_enter_program(live, 1, 0, count_ended, &ended), 0);
	assert_int_equal(ended, 0);
	assert_int_equal(live_enter_program(live, 1, 1, count_ended, &ended), 0);
	assert_int_equal(ended, 30000);
	assert_int_equal(live_enter_program(live, 1, 1, count_ended, &ended), 0);
	assert_int_equal(ended, 30000);
	assert_int_equal(live_totals(live)->ended_blocks, 10000);
	assert_int_equal(live_totals(live)->live_blocks, 10000);
	assert_int_equal(live_totals(live)->live_bytes, 50000);
	/* the other process has each of its blocks, and the program's own are new */
	for (uint64_t i = 1; i <= 10000; i++) {
		assert_false(apply_to(live, 1, release(20000, i << 4)).has_freed);
		assert_false(apply_to(live, 1, allocation(20001, i << 4, 7)).has_missed);
		assert_true(apply_to(live, 2, release(20002, i << 4)).has_freed);
	}
	live_free(live);
}

static void restore_block(void *context, const struct block *block)
{
	bool is_new;

	assert_int_equal(live_restore(context, block, 50, &is_new), 0);
	assert_true(is_new);
	assert_int_equal(live_restore(context, block, 50, &is_new), 0);
	assert_false(is_new);
}

static void restore_missed(void *context, uint64_t key, uint64_t time_ns)
{
	assert_int_equal(live_restore_missed(context, key, time_ns), 0);
}

static struct live *next_segment(const struct live *live)
{
	struct live *next = live_new();

	live_visit(live, restore_block, next);
	live_visit_missed(live, restore_missed, next);
	return next;
}

static void a_segment_goes_on_with_what_lives(void **state)
{
	struct live *live = live_new();

	(void)state;
	for (uint64_t i = 1; i <= 10000; i++)
		apply(live, allocation(i, i << 4, i));
	for (uint64_t i = 1; i <= 10000; i += 2)
		apply(live, release(20000, i << 4));
	struct live *next = next_segment(live);
	const struct live_totals at_switch = *live_totals(live);
	for (uint64_t i = 1; i <= 10000; i += 3) {
		struct outcome before = apply(live, release(30000, i << 4));
		struct outcome after = apply(next, release(30000, i << 4));
		assert_int_equal(before.was_unknown, after.was_unknown);
		assert_int_equal(before.has_freed, after.has_freed);
		if (before.has_freed)
			assert_int_equal(before.freed.time_ns, after.freed.time_ns);
	}
	/* what lives is the same; everything else is only the segment's own */
	assert_int_equal(live_totals(live)->live_bytes, live_totals(next)->live_bytes);
	assert_int_equal(live_totals(live)->live_blocks, live_totals(next)->live_blocks);
	assert_int_equal(live_totals(live)->frees - at_switch.frees, live_totals(next)->frees);
	assert_int_equal(live_totals(live)->frees_of_unknown - at_switch.frees_of_unknown,
			 live_totals(next)->frees_of_unknown);
	assert_int_equal(live_totals(next)->carried_blocks, 5000);
	assert_int_equal(live_totals(next)->peak_bytes, live_totals(next)->carried_bytes);
	assert_int_equal(live_totals(next)->allocations, 0);
	live_free(next);
	live_free(live);
}

static void a_segment_explains_what_the_one_before_missed(void **state)
{
	struct live *live = live_new();

	(void)state;
	apply(live, allocation(10, 0x100, 8));
	apply(live, allocation(30, 0x100, 9));
	assert_int_equal(live_totals(live)->missed_frees, 1);
	struct live *next = next_segment(live);
	assert_int_equal(live_totals(next)->missed_frees, 1);
	/* it had released the first block before the second was told */
	apply(next, resize(20, 60, 0x100, 0x200, 16));
	assert_int_equal(live_totals(next)->missed_frees, 0);
	assert_int_equal(live_totals(next)->frees_of_unknown, 0);
	live_free(next);
	live_free(live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_lives_until_it_is_freed),
		cmocka_unit_test(an_address_given_out_again_is_a_missed_free),
		cmocka_unit_test(a_realloc_moves_its_block),
		cmocka_unit_test(a_realloc_told_late_spares_the_block_that_came_between),
		cmocka_unit_test(a_realloc_told_after_the_block_between_is_gone_misses_nothing),
		cmocka_unit_test(a_late_realloc_of_an_unknown_block_spares_the_block_between),
		cmocka_unit_test(a_free_after_a_missed_one_does_not_take_it_back),
		cmocka_unit_test(an_address_that_is_its_targets_number_is_one_as_any),
		cmocka_unit_test(a_realloc_onto_a_stale_block_tells_both),
		cmocka_unit_test(a_failed_call_changes_nothing),
		cmocka_unit_test(frees_of_unknown_blocks_are_counted),
		cmocka_unit_test(free_of_null_and_realloc_of_null_release_nothing),
		cmocka_unit_test(targets_do_not_share_addresses),
		cmocka_unit_test(the_peak_and_its_moment_are_kept),
		cmocka_unit_test(random_events_do_as_the_plain_model_says),
		cmocka_unit_test(reallocs_told_late_lose_and_invent_nothing),
		cmocka_unit_test(another_program_ends_the_blocks_of_its_process),
		cmocka_unit_test(a_segment_goes_on_with_what_lives),
		cmocka_unit_test(a_segment_explains_what_the_one_before_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
