// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

#define LARGEST (1u << 26)

/* What a model says to a record of the stack with this id. */
static int feed_stack(struct model *model, uint32_t id)
{
	static struct stack_record record = { .frame_count = 1, .frames = { { 0, 4096 } } };
	struct bytes_buffer out = { 0 };

	record.id = id;
	stack_record_put(&out, &record);
	int err = model_feed(model, CHUNK_STACKS, out.data, out.size);
	bytes_free(&out);
	return err;
}

static void a_large_id_takes_little_memory(void **state)
{
	static const struct filter NONE = FILTER_NONE;
	struct model model;
	struct rusage usage;

	(void)state;
#ifdef HEAPTRAIL_SANITIZE /* it writes to all that is allocated */
	skip();
#endif
	assert_int_equal(model_open(&model, &NONE), 0);
	assert_int_equal(feed_stack(&model, 7), 0);
	int err = feed_stack(&model, LARGEST);
	/* not everywhere can so much be had, be it used or not */
	if (err)
		assert_int_equal(err, -ENOMEM);
	else
		assert_true(model.stacks[LARGEST].is_known);
	assert_true(model.stacks[7].is_known);
	assert_int_equal(model.stacks[7].frames[0].offset, 4096);
	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	assert_in_range(usage.ru_maxrss, 1, 256 * 1024);
	model_close(&model);
}

static void an_id_that_no_recorder_gives_out_is_refused(void **state)
{
	static const struct filter NONE = FILTER_NONE;
	struct model model;

	(void)state;
	assert_int_equal(model_open(&model, &NONE), 0);
	assert_int_equal(feed_stack(&model, LARGEST + 1), -EBADMSG);
	assert_int_equal(feed_stack(&model, UINT32_MAX), -EBADMSG);
	assert_int_equal(model.stack_count, 0);
	model_close(&model);
}

static struct capture_event allocation(uint32_t thread, uint64_t time_ns, uint64_t address,
				       uint64_t size)
{
	return (struct capture_event) { .kind = CAPTURE_ALLOC,
					.thread = thread,
					.time_ns = time_ns,
					.address = address,
					.size = size };
}

static struct capture_event release(uint32_t thread, uint64_t time_ns, uint64_t address)
{
	return (struct capture_event) {
		.kind = CAPTURE_FREE, .thread = thread, .time_ns = time_ns, .address = address
	};
}

static struct capture_event resize(uint32_t thread, uint64_t entry_ns, uint64_t time_ns,
				   uint64_t old_address, uint64_t address, uint64_t size)
{
	return (struct capture_event) { .kind = CAPTURE_REALLOC,
					.thread = thread,
					.time_ns = time_ns,
					.duration_ns = (uint32_t)(time_ns - entry_ns),
					.old_address = old_address,
					.address = address,
					.size = size };
}

static void feed_events(struct model *model, enum chunk_type type,
			const struct capture_event *events, size_t count)
{
	struct bytes_buffer out = { 0 };

	capture_events_encode(&out, events, count);
	assert_int_equal(model_feed(model, type, out.data, out.size), 0);
	bytes_free(&out);
}

/* A model of these events, by threads 1 and 2 of pid 7. */
static void open_on(struct model *model, const struct filter *filter,
		    const struct capture_event *events, size_t count)
{
	struct bytes_buffer out = { 0 };

	for (uint32_t id = 1; id <= 2; id++)
		thread_record_put(&out,
				  &(struct thread_record) {
					  .id = id, .pid = 7, .tid = 6 + id, .comm = (char *)"t" });
	assert_int_equal(model_open(model, filter), 0);
	assert_int_equal(model_feed(model, CHUNK_THREADS, out.data, out.size), 0);
	bytes_free(&out);
	feed_events(model, CHUNK_EVENTS, events, count);
}

#define OPEN_ON(model, filter, events) \
	open_on(model, filter, events, sizeof(events) / sizeof((events)[0]))

/* Of sizes from 1 to 99. */
static struct filter of_small(void)
{
	struct filter filter = FILTER_NONE;

	filter.is_set = true;
	filter.size_min = 1;
	filter.size_max = 99;
	return filter;
}

/* All pass, but they are asked whether they do. */
static struct filter of_all(void)
{
	struct filter filter = FILTER_NONE;

	filter.is_set = true;
	return filter;
}

/* Thread 1's realloc has left 0x1000, which thread 2 is given, and tells of it first. */
static void a_release_that_is_told_late_is_no_missed_free_of_what_passes(void **state)
{
	const struct capture_event events[] = {
		allocation(1, 10, 0x1000, 50),
		allocation(2, 40, 0x1000, 200),
		resize(1, 30, 50, 0x1000, 0x2000, 300),
		release(2, 60, 0x1000),
		allocation(1, 70, 0x3000, 20),
		allocation(2, 80, 0x3000, 20),
		release(1, 75, 0x3000),
	};
	const struct filter filters[] = { FILTER_NONE, of_all(), of_small() };
	const uint64_t frees[] = { 2, 2, 1 }, live[] = { 320, 320, 20 };
	struct model model;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		OPEN_ON(&model, &filters[i], events);
		assert_int_equal(model_totals(&model)->missed_frees, 0);
		assert_int_equal(model_totals(&model)->frees_of_unknown, 0);
		assert_int_equal(model_totals(&model)->frees, frees[i]);
		assert_int_equal(model_totals(&model)->live_bytes, live[i]);
		assert_int_equal(model.processes.items[0].frees, frees[i]);
		assert_int_equal(model.processes.items[0].reallocations, i < 2);
		model_close(&model);
	}
}

/* What came between passes no filter, but it came. */
static void a_filter_makes_nothing_temporary(void **state)
{
	const struct capture_event events[] = {
		allocation(1, 10, 0x1000, 50),	allocation(1, 20, 0x2000, 200),
		release(1, 30, 0x1000), /* not temporary: 0x2000 came between */
		allocation(1, 40, 0x3000, 60),	release(1, 50, 0x3000),
		allocation(1, 60, 0x4000, 500), release(1, 70, 0x4000),
	};
	const struct filter filters[] = { FILTER_NONE, of_all(), of_small() };
	const uint64_t temporary[] = { 2, 2, 1 };
	struct model model;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		OPEN_ON(&model, &filters[i], events);
		assert_int_equal(model.temporary, temporary[i]);
		model_close(&model);
	}
}

/* The moment of the peak is an event, not a time: one that is told before it may be later. */
static void what_is_told_before_the_peak_is_live_at_it(void **state)
{
	const struct capture_event events[] = {
		allocation(1, 10, 0x1000, 50),
		allocation(2, 40, 0x2000, 60),
		allocation(1, 30, 0x3000, 70), /* the peak: 180 bytes, at 30 */
		release(1, 50, 0x1000),
	};
	const struct filter all = of_all();
	struct model model, again;

	(void)state;
	OPEN_ON(&model, &all, events);
	assert_int_equal(model.filtered.peak_bytes, 180);
	assert_int_equal(model.filtered.peak_time_ns, 30);
	assert_int_equal(model.peak_event, 3);
	assert_int_equal(model_open(&again, &all), 0);
	again.to_event = model.peak_event;
	again.to_ns = model.filtered.peak_time_ns;
	feed_events(&again, CHUNK_EVENTS, events, 4);
	assert_int_equal(again.filtered.live_bytes, 180);
	assert_int_equal(again.filtered.live_blocks, 3);
	assert_int_equal(model_until_ns(&again), 30);
	model_close(&again);
	model_close(&model);
}

/* A call counts where its block passes, in its process as in the whole. */
static void processes_count_what_passes(void **state)
{
	const struct capture_event events[] = {
		allocation(1, 10, 0x1000, 50),
		resize(1, 20, 30, 0x1000, 0x1000, 200), /* its old block passes, its new one not */
		allocation(1, 40, 0x2000, 300),		/* does not pass */
		release(1, 50, 0x2000),
		allocation(1, 60, 0x3000, 10),
		allocation(1, 70, 0x3000, 400), /* missed */
		{ .kind = CAPTURE_ALLOC,
		  .thread = 1,
		  .time_ns = 80,
		  .flags = CAPTURE_EVENT_FAILED },
	};
	const struct filter small = of_small();
	struct model model;

	(void)state;
	OPEN_ON(&model, &small, events);
	const struct process *process = &model.processes.items[0];
	assert_int_equal(model.processes.count, 1);
	assert_int_equal(process->allocations, model.filtered.allocations);
	assert_int_equal(process->allocations, 2);
	assert_int_equal(process->reallocations, model.filtered.reallocations);
	assert_int_equal(process->frees, model.filtered.frees);
	assert_int_equal(process->failed, 0);
	assert_int_equal(model.filtered.missed_frees, 1);
	assert_int_equal(process->live_bytes, 0);
	model_close(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_id_takes_little_memory),
		cmocka_unit_test(an_id_that_no_recorder_gives_out_is_refused),
		cmocka_unit_test(a_release_that_is_told_late_is_no_missed_free_of_what_passes),
		cmocka_unit_test(a_filter_makes_nothing_temporary),
		cmocka_unit_test(what_is_told_before_the_peak_is_live_at_it),
		cmocka_unit_test(processes_count_what_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
