// SPDX-License-Identifier: GPL-2.0-or-later
/* Which tag what a thread allocates has, by what it told; then the same in a model, among events.
 */
#include "analysis/model.h"
#include "bpf/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t number(struct tags *tags, const char *name)
{
	uint32_t tag;

	assert_int_equal(tags_number(tags, name, &tag), 0);
	return tag;
}

static void tell(struct tags *tags, uint32_t thread, uint8_t what, uint32_t depth, const char *name)
{
	assert_int_equal(tags_apply(tags, thread, what, depth, number(tags, name)), 0);
}

static const char *top(const struct tags *tags, uint32_t thread)
{
	return tags_name(tags, tags_top(tags, thread));
}

static void a_name_has_one_number(void **state)
{
	struct tags tags = { 0 };

	(void)state;
	assert_int_equal(number(&tags, ""), TAG_NONE);
	uint32_t a = number(&tags, "a"), b = number(&tags, "b");
	assert_true(a > TAG_OTHERS && b > TAG_OTHERS && a != b);
	assert_int_equal(number(&tags, "a"), a);
	assert_string_equal(tags_name(&tags, b), "b");
	assert_string_equal(tags_name(&tags, 4711), "");
	tags_free(&tags);
}

static void too_many_names_are_one(void **state)
{
	struct tags tags = { 0 };
	char name[16];

	(void)state;
	for (uint32_t i = 0; i < TAGS_MAX + 10; i++) {
		snprintf(name, sizeof(name), "%u", i);
		/* the first two have no name of a program */
		assert_int_equal(number(&tags, name), i + 2 < TAGS_MAX ? i + 2 : TAG_OTHERS);
	}
	assert_int_equal(tags.count, TAGS_MAX);
	assert_int_equal(number(&tags, "7"), 9);
	tags_free(&tags);
}

static void the_innermost_scope_counts_of_its_thread(void **state)
{
	struct tags tags = { 0 };

	(void)state;
	assert_string_equal(top(&tags, 1), "");
	tell(&tags, 1, MARK_BEGIN, 1, "a");
	tell(&tags, 2, MARK_BEGIN, 1, "x");
	tell(&tags, 1, MARK_BEGIN, 2, "a/b");
	assert_string_equal(top(&tags, 1), "a/b");
	assert_string_equal(top(&tags, 2), "x");
	tell(&tags, 1, MARK_END, 1, "");
	assert_string_equal(top(&tags, 1), "a");
	tell(&tags, 1, MARK_END, 0, "");
	tell(&tags, 1, MARK_UNMATCHED, 0, "");
	assert_string_equal(top(&tags, 1), "");
	assert_string_equal(top(&tags, 2), "x");
	tags_forget(&tags, 2);
	assert_string_equal(top(&tags, 2), "");
	assert_int_equal(tags.begun, 3);
	assert_int_equal(tags.unmatched, 1);
	assert_int_equal(tags.missing + tags.too_deep, 0);
	tags_free(&tags);
}

static void deep_scopes_have_the_tag_of_the_deepest_that_is_kept(void **state)
{
	struct tags tags = { 0 };
	char name[16];

	(void)state;
	for (uint32_t i = 1; i <= TAG_DEPTH_MAX + 3; i++) {
		snprintf(name, sizeof(name), "%u", i);
		tell(&tags, 1, MARK_BEGIN, i, name);
	}
	assert_string_equal(top(&tags, 1), "64");
	assert_int_equal(tags_depth(&tags, 1), TAG_DEPTH_MAX + 3);
	assert_int_equal(tags.too_deep, 3);
	for (uint32_t i = TAG_DEPTH_MAX + 3; i > TAG_DEPTH_MAX - 1; i--)
		tell(&tags, 1, MARK_END, i - 1, "");
	assert_string_equal(top(&tags, 1), "63");
	assert_int_equal(tags.missing, 0);
	tags_free(&tags);
}

/* Each mark says how deep it is. */
static void a_lost_mark_misleads_to_the_next(void **state)
{
	struct tags tags = { 0 };

	(void)state;
	tell(&tags, 1, MARK_BEGIN, 1, "a");
	/* an end is lost */
	tell(&tags, 1, MARK_BEGIN, 1, "b");
	assert_string_equal(top(&tags, 1), "b");
	assert_int_equal(tags.missing, 1);
	/* two beginnings are lost: nobody knows what of */
	tell(&tags, 1, MARK_BEGIN, 4, "c");
	assert_int_equal(tags.missing, 3);
	tell(&tags, 1, MARK_END, 3, "");
	assert_string_equal(top(&tags, 1), "");
	tell(&tags, 1, MARK_END, 1, "");
	assert_int_equal(tags.missing, 4);
	assert_string_equal(top(&tags, 1), "b");
	tell(&tags, 1, MARK_UNMATCHED, 0, "");
	assert_int_equal(tags.missing, 5);
	/* what no kernel side says is survived */
	tell(&tags, 1, MARK_BEGIN, 0, "d");
	tell(&tags, 1, MARK_END, UINT32_MAX, "");
	tell(&tags, 1, MARK_BEGIN, UINT32_MAX, "e");
	tell(&tags, 1, MARK_RESTART, 1, "");
	assert_string_equal(top(&tags, 1), "");
	tags_free(&tags);
}

struct seen {
	char text[256];
};

static void see(void *context, uint32_t thread, uint32_t depth, uint32_t tag)
{
	struct seen *seen = context;

	snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text),
		 "%u:%u:%u ", thread, depth, tag);
}

static void scopes_that_are_open_are_told_outermost_first(void **state)
{
	struct tags tags = { 0 };
	struct seen seen = { 0 };

	(void)state;
	tell(&tags, 7, MARK_BEGIN, 1, "a");
	tell(&tags, 7, MARK_BEGIN, 2, "b");
	tell(&tags, 8, MARK_BEGIN, 1, "a");
	tell(&tags, 8, MARK_END, 0, "");
	tags_visit(&tags, see, &seen);
	assert_string_equal(seen.text, "7:1:2 7:2:3 ");
	tags_free(&tags);
}

/* --- among events --- */

static void feed(struct model *model, enum chunk_type type, struct bytes_buffer *out)
{
	assert_int_equal(model_feed(model, type, out->data, out->size), 0);
	bytes_free(out);
}

/* Thread 1 is of pid 7, thread 2 of pid 8. */
static void open_model(struct model *model, const struct filter *filter)
{
	struct bytes_buffer out = { 0 };

	for (uint32_t id = 1; id <= 2; id++)
		thread_record_put(&out, &(struct thread_record) { .id = id,
								  .pid = 6 + id,
								  .tid = 6 + id,
								  .comm = (char *)"t" });
	assert_int_equal(model_open(model, filter), 0);
	assert_int_equal(model_count_tags(model), 0);
	feed(model, CHUNK_THREADS, &out);
}

static void feed_marks(struct model *model, const struct mark_record *records, size_t count)
{
	struct bytes_buffer out = { 0 };

	for (size_t i = 0; i < count; i++)
		mark_record_put(&out, &records[i]);
	feed(model, CHUNK_MARKS, &out);
}

#define FEED_MARKS(model, records) \
	feed_marks(model, records, sizeof(records) / sizeof((records)[0]))

static void feed_events(struct model *model, enum chunk_type type,
			const struct capture_event *events, size_t count)
{
	struct bytes_buffer out = { 0 };

	capture_events_encode(&out, events, count);
	feed(model, type, &out);
}

static uint64_t live_of(struct model *model, const char *name)
{
	return model->tag_sums[number(&model->tags, name)].live_bytes;
}

#define NAME(text) .name = (char *)(text)

/* All at one time: the order is that of the events. */
static const struct mark_record MARKS[] = {
	{ .thread = 1, .what = MARK_BEGIN, .events = 1, .depth = 1, NAME("a") },
	{ .thread = 2, .what = MARK_BEGIN, .events = 2, .depth = 1, NAME("b") },
	{ .thread = 1, .what = MARK_MOMENT, .events = 2, .depth = 1, NAME("now") },
	{ .thread = 1, .what = MARK_END, .events = 3, .depth = 0, NAME("") },
	{ .thread = 2, .what = 99, .events = 3, .depth = 5, NAME("from a newer recorder") },
	{ .thread = 2, .what = MARK_END, .events = 6, .depth = 0, NAME("") },
};
static const struct capture_event EVENTS[] = {
	{ .kind = CAPTURE_ALLOC, .thread = 1, .address = 0x1000, .size = 1 },	  /* none */
	{ .kind = CAPTURE_ALLOC, .thread = 1, .address = 0x2000, .size = 10 },	  /* a */
	{ .kind = CAPTURE_ALLOC, .thread = 1, .address = 0x3000, .size = 100 },	  /* a */
	{ .kind = CAPTURE_ALLOC, .thread = 1, .address = 0x4000, .size = 1000 },  /* none */
	{ .kind = CAPTURE_ALLOC, .thread = 2, .address = 0x5000, .size = 10000 }, /* b */
	{ .kind = CAPTURE_FREE, .thread = 2, .address = 0x5000 },
	{ .kind = CAPTURE_ALLOC, .thread = 2, .address = 0x6000, .size = 100000 }, /* none */
	{ .kind = CAPTURE_REALLOC,
	  .thread = 1,
	  .old_address = 0x2000,
	  .address = 0x2000,
	  .size = 7 }, /* none */
};
#define EVENT_COUNT (sizeof(EVENTS) / sizeof(EVENTS[0]))

static void events_have_the_scope_that_they_are_in(void **state)
{
	static const struct filter NONE = FILTER_NONE;
	struct model model;

	(void)state;
	open_model(&model, &NONE);
	FEED_MARKS(&model, MARKS);
	feed_events(&model, CHUNK_EVENTS, EVENTS, 5);
	feed_events(&model, CHUNK_EVENTS, EVENTS + 5, EVENT_COUNT - 5);
	assert_int_equal(model.tag_sums[TAG_NONE].live_bytes, 1 + 1000 + 100000 + 7);
	assert_int_equal(live_of(&model, "a"), 100);
	assert_int_equal(model.tag_sums[number(&model.tags, "a")].allocated_bytes, 110);
	assert_int_equal(live_of(&model, "b"), 0);
	assert_int_equal(model.tag_sums[number(&model.tags, "b")].peak_bytes, 10000);
	assert_int_equal(model.marker_count, 1);
	assert_string_equal(model.markers[0].name, "now");
	model_close(&model);
}

static void what_was_told_before_another_chunk_comes_before_it(void **state)
{
	static const struct filter NONE = FILTER_NONE;
	static const struct mark_record EARLY[] = {
		{ .thread = 1, .what = MARK_BEGIN, .events = 9, .depth = 1, NAME("late") },
	};
	static const struct mark_record NEXT[] = {
		{ .thread = 2, .what = MARK_BEGIN, .events = 0, .depth = 1, NAME("gone by") },
	};
	struct model model;

	(void)state;
	open_model(&model, &NONE);
	FEED_MARKS(&model, EARLY);
	feed_events(&model, CHUNK_EVENTS, EVENTS, 1);
	assert_int_equal(live_of(&model, "late"), 0);
	FEED_MARKS(&model, NEXT);
	feed_events(&model, CHUNK_EVENTS, EVENTS + 1, 4);
	assert_int_equal(live_of(&model, "late"), 1110);
	assert_int_equal(live_of(&model, "gone by"), 10000);
	model_close(&model);
}

static void a_filter_by_tag_has_what_is_below_it(void **state)
{
	static const struct mark_record SCOPES[] = {
		{ .thread = 1, .what = MARK_BEGIN, .events = 0, .depth = 1, NAME("a/b/c") },
		{ .thread = 1, .what = MARK_BEGIN, .events = 1, .depth = 2, NAME("ab") },
		{ .thread = 1, .what = MARK_BEGIN, .events = 2, .depth = 3, NAME("a") },
		{ .thread = 2, .what = MARK_BEGIN, .events = 3, .depth = 1, NAME("x/b") },
	};
	static const struct {
		const char *pattern;
		uint64_t live;
	} CASES[] = { { "a", 1101 },   { "a/b", 1 }, { "a/b/c", 1 }, { "a*", 1111 },
		      { "*b", 10011 }, { "b", 0 },   { "?", 11101 } };
	struct model model;

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct filter filter = FILTER_NONE;
		filter.is_set = true;
		strcpy(filter.tag, CASES[i].pattern);
		open_model(&model, &filter);
		FEED_MARKS(&model, SCOPES);
		feed_events(&model, CHUNK_EVENTS, EVENTS, 5);
		assert_int_equal(model_totals(&model)->live_bytes, CASES[i].live);
		model_close(&model);
	}
}

static void a_segment_begins_with_tags_and_scopes(void **state)
{
	static const struct filter NONE = FILTER_NONE;
	static const struct mark_record BLOCKS[] = {
		{ .what = MARK_BLOCKS, .events = 1, NAME("a") },
		{ .what = MARK_BLOCKS, .events = 3, NAME("") },
	};
	static const struct mark_record SCOPES[] = {
		{ .thread = 2, .what = MARK_SCOPE, .events = 0, .depth = 1, NAME("b") },
		{ .thread = 2, .what = MARK_SCOPE, .events = 0, .depth = 2, NAME("b/c") },
		{ .thread = 2, .what = MARK_END, .events = 1, .depth = 1, NAME("") },
	};
	static const struct capture_event NEW[] = {
		{ .kind = CAPTURE_ALLOC, .thread = 2, .address = 0x7000, .size = 3 },
		{ .kind = CAPTURE_ALLOC, .thread = 2, .address = 0x8000, .size = 4 },
		{ .kind = CAPTURE_FREE, .thread = 1, .address = 0x3000 },
	};
	struct model model;

	(void)state;
	open_model(&model, &NONE);
	FEED_MARKS(&model, BLOCKS);
	feed_events(&model, CHUNK_LIVE, EVENTS, 2);
	feed_events(&model, CHUNK_LIVE, EVENTS + 2, 2);
	FEED_MARKS(&model, SCOPES);
	assert_int_equal(model.tag_sums[TAG_NONE].live_bytes, 1001);
	assert_int_equal(live_of(&model, "a"), 110);
	feed_events(&model, CHUNK_EVENTS, NEW, 3);
	assert_int_equal(live_of(&model, "a"), 10);
	assert_int_equal(live_of(&model, "b/c"), 3);
	assert_int_equal(live_of(&model, "b"), 4);
	/* they were begun in another segment */
	assert_int_equal(model.tags.begun + model.tags.missing, 0);
	model_close(&model);
}

static void moments_become_times(void **state)
{
	static const struct mark_record MOMENTS[] = {
		{ .time_ns = 10, .thread = 1, .what = MARK_MOMENT, NAME("ready") },
		{ .time_ns = 20, .thread = 2, .what = MARK_MOMENT, NAME("load") },
		{ .time_ns = 30, .thread = 1, .what = MARK_MOMENT, NAME("load") },
		{ .time_ns = 40, .thread = 1, .what = MARK_MOMENT, NAME("ready") },
		{ .time_ns = 50, .thread = 2, .what = MARK_MOMENT, NAME("ready") },
	};
	static const struct {
		const char *from, *to;
		uint64_t from_ns, pid, found_from, found_to;
	} CASES[] = {
		{ "load", "ready", 0, 0, 20, 40 },
		{ "load", "ready", 0, 7, 30, 40 },
		{ "load", "ready", 0, 8, 20, 50 },
		{ "", "ready", 15, 0, UINT64_MAX, 40 },
		{ "load", "load", 0, 0, 20, 30 },
		{ "ready", "", 0, 8, 50, UINT64_MAX },
		{ "nobody", "ready", 0, 0, UINT64_MAX, UINT64_MAX },
	};
	struct model model;

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct filter filter = FILTER_NONE;
		filter.is_set = true;
		filter.pid = CASES[i].pid;
		filter.from_ns = CASES[i].from_ns;
		strcpy(filter.from_mark, CASES[i].from);
		strcpy(filter.to_mark, CASES[i].to);
		open_model(&model, &filter);
		FEED_MARKS(&model, MOMENTS);
		assert_int_equal(model.from_mark_ns, CASES[i].found_from);
		assert_int_equal(model.to_mark_ns, CASES[i].found_to);
		model_close(&model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_has_one_number),
		cmocka_unit_test(too_many_names_are_one),
		cmocka_unit_test(the_innermost_scope_counts_of_its_thread),
		cmocka_unit_test(deep_scopes_have_the_tag_of_the_deepest_that_is_kept),
		cmocka_unit_test(a_lost_mark_misleads_to_the_next),
		cmocka_unit_test(scopes_that_are_open_are_told_outermost_first),
		cmocka_unit_test(events_have_the_scope_that_they_are_in),
		cmocka_unit_test(what_was_told_before_another_chunk_comes_before_it),
		cmocka_unit_test(a_filter_by_tag_has_what_is_below_it),
		cmocka_unit_test(a_segment_begins_with_tags_and_scopes),
		cmocka_unit_test(moments_become_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
