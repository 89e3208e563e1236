// SPDX-License-Identifier: GPL-2.0-or-later
/* Every answer from a summary is the one that all events give. */
#include "analysis/answer.h"
#include "analysis/summary.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS	 8
#define STACKS	 5000 /* more than a table has rows */
#define THREADS	 7
#define CHUNKS	 4
#define PLACES	 300
#define STEP_NS	 3000000ull
#define BEGIN_NS 500

static void put_session(struct bytes_buffer *out)
{
	session_record_put(out, &(struct session_record) { .start_unix_ns = 1,
							   .begin_ns = BEGIN_NS,
							   .host = (char *)"host",
							   .kernel = (char *)"6.1",
							   .tool_version = (char *)"1",
							   .mode = (char *)"session" });
}

static void put_modules(struct bytes_buffer *out)
{
	module_record_put(out,
			  &(struct module_record) { .id = 1, .path = (char *)"/lib/libc.so.6" });
	module_record_put(out, &(struct module_record) { .id = 2, .path = (char *)"/bin/a" });
}

static void put_functions(struct bytes_buffer *out)
{
	function_record_put(out, &(struct function_record) { .id = 0,
							     .name = (char *)"malloc",
							     .module = 1,
							     .instruction = (char *)"push" });
	function_record_put(out, &(struct function_record) { .id = 9,
							     .name = (char *)"arena",
							     .module = 2,
							     .instruction = (char *)"push" });
}

static void put_targets(struct bytes_buffer *out)
{
	target_record_put(
		out, &(struct target_record) {
			     .id = 1, .pid = 10, .comm = (char *)"a", .exe = (char *)"/bin/a" });
}

/* Two processes; the last threads are of one's second program. */
static void put_threads(struct bytes_buffer *out)
{
	for (uint32_t id = 1; id <= THREADS; id++)
		thread_record_put(out, &(struct thread_record) { .id = id,
								 .pid = 10 + id % 2,
								 .tid = 10 + id,
								 .program = id > 5,
								 .inherits = id == 2,
								 .comm = (char *)"a" });
}

static void put_stacks(struct bytes_buffer *out)
{
	static struct stack_record record = { .frame_count = 2 };

	for (record.id = 1; record.id <= 40; record.id++) {
		record.frames[0] = (struct record_frame) { 2, 100 + record.id % 5 };
		record.frames[1] = (struct record_frame) { 2, 200 };
		stack_record_put(out, &record);
	}
}

typedef void put_fn(struct bytes_buffer *out);

static const struct {
	enum chunk_type type;
	put_fn *put;
} RECORDS[] = {
	{ CHUNK_SESSION, put_session }, { CHUNK_MODULES, put_modules },
	{ CHUNK_TARGETS, put_targets }, { CHUNK_FUNCTIONS, put_functions },
	{ CHUNK_THREADS, put_threads }, { CHUNK_STACKS, put_stacks },
};

static void feed(struct model *model, enum chunk_type type, struct bytes_buffer *out)
{
	assert_false(out->failed);
	assert_int_equal(model_feed(model, type, out->data, out->size), 0);
	bytes_free(out);
}

static void feed_records(struct model *model)
{
	for (size_t i = 0; i < sizeof(RECORDS) / sizeof(RECORDS[0]); i++) {
		struct bytes_buffer out = { 0 };
		RECORDS[i].put(&out);
		feed(model, RECORDS[i].type, &out);
	}
}

static void feed_end(struct model *model, uint64_t duration_ns)
{
	struct bytes_buffer totals = { 0 }, out = { 0 };

	end_record_put(&totals, &(struct end_record) { .duration_ns = duration_ns });
	bytes_put_varint(&out, totals.size);
	bytes_put(&out, totals.data, totals.size);
	bytes_free(&totals);
	feed(model, CHUNK_END, &out);
}

/* Whether they make sense or not: addresses are given out twice, and unknown ones freed. */
static struct capture_event random_event(uint64_t time_ns)
{
	uint64_t address = 16 * (uint64_t)(1 + rand() % PLACES);
	struct capture_event event = { .kind = (uint8_t)(1 + rand() % 3),
				       .time_ns = time_ns,
				       .thread = (uint32_t)(rand() % (THREADS + 2)),
				       .function = rand() % 4 ? 0 : 9,
				       .address = address };

	event.flags = rand() % 50 ? 0 : CAPTURE_EVENT_FAILED;
	if (event.kind == CAPTURE_FREE)
		return event;
	event.size = (uint64_t)(rand() % 5000);
	event.stack = (uint32_t)(rand() % 4 ? rand() % 50 : rand() % STACKS);
	if (event.kind == CAPTURE_REALLOC)
		event.old_address = rand() % 2 ? address : 16 * (uint64_t)(1 + rand() % PLACES);
	if (event.flags)
		event.address = 0;
	return event;
}

static void feed_events(struct model *model, enum chunk_type type, size_t count, uint64_t *time_ns)
{
	static struct capture_event events[20000];
	struct bytes_buffer out = { 0 };

	for (size_t i = 0; i < count; i++) {
		/* it may fall back a little */
		*time_ns += (uint64_t)(rand() % STEP_NS);
		events[i] = random_event(*time_ns - (uint64_t)(rand() % 200));
		if (type == CHUNK_LIVE) {
			events[i].kind = CAPTURE_ALLOC;
			events[i].time_ns = 100;
			events[i].address |= 8;
		}
	}
	capture_events_encode(&out, events, count);
	feed(model, type, &out);
}

static void feed_mappings(struct model *model, uint64_t time_ns)
{
	struct bytes_buffer out = { 0 };

	for (int i = 0; i < 50; i++) {
		uint64_t at = 4096 * (uint64_t)(1 + rand() % 100);
		bool unmaps = rand() % 3 == 0;
		mapping_record_put(&out,
				   &(struct mapping_record) { .time_ns = time_ns,
							      .thread = (uint32_t)(1 + rand() % 5),
							      .flags = (uint8_t)(rand() % 4),
							      .old_address = unmaps ? at : 0,
							      .old_size = unmaps ? 8192 : 0,
							      .address = unmaps ? 0 : at,
							      .size = unmaps ? 0 : 16384,
							      .stack = (uint32_t)(rand() % 45) });
	}
	feed(model, CHUNK_MAPPINGS, &out);
}

static void feed_memory(struct model *model, uint64_t time_ns)
{
	struct bytes_buffer out = { 0 };

	memory_record_put(&out, &(struct memory_record) { .time_ns = time_ns,
							  .pid = 10,
							  .resident_bytes = 4096 * (uint64_t)rand(),
							  .shared_bytes = 4096 });
	feed(model, CHUNK_MEMORY, &out);
}

/* All that a summary sums up, and the end. */
static void feed_random(struct model *model)
{
	uint64_t time_ns = BEGIN_NS;

	if (rand() % 2)
		feed_events(model, CHUNK_LIVE, 30, &time_ns);
	time_ns = BEGIN_NS;
	for (int i = 0; i < CHUNKS; i++) {
		feed_events(model, CHUNK_EVENTS, rand() % 3 ? 200 : 20000, &time_ns);
		if (rand() % 2)
			feed_mappings(model, time_ns);
		if (rand() % 2)
			feed_memory(model, time_ns);
	}
	feed_end(model, time_ns + (uint64_t)rand());
}

static int feed_summary(void *context, const struct bytes_buffer *payload)
{
	assert_true(payload->size <= CAPTURE_RAW_MAX);
	assert_int_equal(model_feed(context, CHUNK_SUMMARY, payload->data, payload->size), 0);
	return 0;
}

static const char *const QUESTIONS[] = {
	"{\"ask\": \"report\", \"details\": true, \"tree\": true, \"hotspots\": 5}",
	"{\"ask\": \"report\", \"sort\": \"growth\", \"bottom_up\": true, \"tree\": true}",
	"{\"ask\": \"report\", \"by\": \"thread\"}",
	"{\"ask\": \"report\", \"by\": \"thread-name\"}",
	"{\"ask\": \"report\", \"by\": \"executable\"}",
	"{\"ask\": \"report\", \"by\": \"allocator\"}",
	"{\"ask\": \"report\", \"by\": \"function\", \"peek\": \"*\"}",
	"{\"ask\": \"report\", \"by\": \"module\", \"sort\": \"temporary\"}",
};

/* Of long texts, only where they differ is worth reading. */
static void assert_same_text(const char *left, const char *right)
{
	size_t at = 0;

	while (left[at] && left[at] == right[at])
		at++;
	while (at && left[at - 1] != '{' && left[at - 1] != '[')
		at--;
	char here[400] = "", there[400] = "";
	strncpy(here, left + at, sizeof(here) - 1);
	strncpy(there, right + at, sizeof(there) - 1);
	if (strcmp(left, right) != 0)
		fail_msg("%s\nis not\n%s", here, there);
}

/* That is said, and is the only difference. */
static void assert_from(json_t *report, const char *source)
{
	json_t *capture = json_object_get(report, "capture");

	assert_string_equal(json_string_value(json_object_get(capture, "source")), source);
	json_object_del(capture, "source");
}

static void assert_same_answers(struct model *one, struct model *other)
{
	const struct capture_verdict verdict = { .state = CAPTURE_COMPLETE };

	for (size_t i = 0; i < sizeof(QUESTIONS) / sizeof(QUESTIONS[0]); i++) {
		json_t *question = json_loads(QUESTIONS[i], 0, NULL);
		json_t *left = answer(
			&(struct answer_context) { .model = one, .verdict = &verdict }, question);
		json_t *right = answer(
			&(struct answer_context) { .model = other, .verdict = &verdict }, question);
		assert_null(json_object_get(left, "error"));
		assert_from(left, "events");
		assert_from(right, "summary");
		char *left_text = json_dumps(left, JSON_SORT_KEYS | JSON_INDENT(1));
		char *right_text = json_dumps(right, JSON_SORT_KEYS | JSON_INDENT(1));
		assert_same_text(left_text, right_text);
		free(left_text);
		free(right_text);
		json_decref(left);
		json_decref(right);
		json_decref(question);
	}
}

static void test_answers_are_the_same(void **state)
{
	static const struct filter EVERYTHING = FILTER_NONE;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct model whole, summed;
		srand(round);
		assert_int_equal(model_open(&whole, &EVERYTHING), 0);
		assert_int_equal(model_open_summary(&summed), 0);
		feed_records(&whole);
		feed_records(&summed);
		feed_random(&whole);
		model_finish(&whole);
		assert_int_equal(summary_put(&whole, NULL, 0, feed_summary, &summed), 0);
		feed_end(&summed, whole.end.duration_ns);
		assert_same_answers(&whole, &summed);
		model_close(&whole);
		model_close(&summed);
	}
}

/* A model that is fed all events passes over it. */
static void test_sums_are_not_counted_twice(void **state)
{
	static const struct filter EVERYTHING = FILTER_NONE;
	struct model model;

	(void)state;
	srand(1);
	assert_int_equal(model_open(&model, &EVERYTHING), 0);
	feed_records(&model);
	feed_random(&model);
	model_finish(&model);
	uint64_t allocations = model_totals(&model)->allocations;
	assert_true(allocations > 0);
	assert_int_equal(summary_put(&model, NULL, 0, feed_summary, &model), 0);
	assert_int_equal(model_totals(&model)->allocations, allocations);
	model_close(&model);
}

/* A recorder of too many stacks has the totals, and what lives; and forgets nothing when it goes
 * on. */
static void test_merged_stacks_leave_the_totals(void **state)
{
	static const struct filter EVERYTHING = FILTER_NONE;

	(void)state;
	for (unsigned round = 0; round < 2 * ROUNDS; round++) {
		struct model whole, merged;
		uint64_t time_ns = BEGIN_NS;
		srand(round / 2);
		assert_int_equal(model_open(&whole, &EVERYTHING), 0);
		feed_records(&whole);
		feed_random(&whole);
		srand(round / 2);
		assert_int_equal(model_open(&merged, &EVERYTHING), 0);
		feed_records(&merged);
		if (round % 2)
			assert_int_equal(model_merge(&merged), 0);
		feed_random(&merged);
		assert_memory_equal(model_totals(&merged), model_totals(&whole),
				    sizeof(struct live_totals));
		assert_int_equal(model_merge(&merged), 0);
		srand(round);
		feed_events(&merged, CHUNK_EVENTS, 500, &time_ns);
		time_ns = BEGIN_NS;
		srand(round);
		feed_events(&whole, CHUNK_EVENTS, 500, &time_ns);
		assert_memory_equal(model_totals(&merged), model_totals(&whole),
				    sizeof(struct live_totals));
		assert_int_equal(merged.mapped_totals.sums.live_bytes,
				 whole.mapped_totals.sums.live_bytes);
		model_close(&whole);
		model_close(&merged);
	}
}

static int keep_checkpoints(void *context, const struct bytes_buffer *payload)
{
	static size_t count;
	struct bytes_reader in = bytes_reader_on(payload->data, payload->size);

	return summary_get_checkpoints(&in, context, &count);
}

static void test_checkpoints_come_back(void **state)
{
	enum {
		COUNT = 5000
	};
	static const struct filter EVERYTHING = FILTER_NONE;
	static struct checkpoint checkpoints[COUNT];
	struct checkpoint *found = NULL;
	struct model model;

	(void)state;
	for (uint64_t i = 0; i < COUNT; i++)
		checkpoints[i] = (struct checkpoint) { i * 7, 1 + i % 3, i << 40, UINT64_MAX - i };
	assert_int_equal(model_open(&model, &EVERYTHING), 0);
	assert_int_equal(summary_put(&model, checkpoints, COUNT, keep_checkpoints, &found), 0);
	assert_memory_equal(found, checkpoints, sizeof(checkpoints));
	free(found);
	model_close(&model);
}

static void put_table(struct bytes_buffer *out, uint64_t kind, uint64_t rows, uint64_t columns,
		      const uint64_t *cells)
{
	bytes_put_varint(out, kind);
	bytes_put_varint(out, rows);
	bytes_put_varint(out, columns);
	for (uint64_t i = 0; i < rows * columns; i++)
		bytes_put_varint(out, cells[i]);
}

static int feed_table(uint64_t kind, uint64_t rows, uint64_t columns, const uint64_t *cells,
		      size_t cut, struct model *model)
{
	struct bytes_buffer out = { 0 };

	put_table(&out, kind, rows, columns, cells);
	int err = model_feed(model, CHUNK_SUMMARY, out.data, out.size - cut);
	bytes_free(&out);
	return err;
}

static void test_unknown_tables_and_columns_are_passed_over(void **state)
{
	static const uint64_t CELLS[90] = { 3, [85] = 8 };
	struct model model;

	(void)state;
	assert_int_equal(model_open_summary(&model), 0);
	assert_int_equal(feed_table(77, 3, 2, CELLS, 0, &model), 0);
	assert_int_equal(feed_table(1, 1, 90, CELLS, 0, &model), 0);
	assert_int_equal(model_totals(&model)->allocations, 3);
	/* and those that are not there are 0 */
	assert_int_equal(feed_table(1, 1, 1, CELLS, 0, &model), 0);
	assert_int_equal(model_totals(&model)->frees, 0);
	model_close(&model);
}

static void test_nonsense_is_refused(void **state)
{
	static const uint64_t CELLS[70] = { 1ull << 40, 1ull << 40 };
	static const struct {
		uint64_t kind, rows, columns;
		size_t cut;
	} WRONG[] = {
		{ 1, 1, 5, 1 },	      /* ends early */
		{ 1, 1 << 20, 0, 0 }, /* more rows than a table has */
		{ 4, 1, 2, 0 },	      /* a stack of such a number */
		{ 5, 1, 2, 0 },	      { 6, 1, 2, 0 },
		{ 7, 1, 2, 0 },	      { 8, 70, 1, 0 }, /* more sizes than there are */
		{ 9, 70, 1, 0 },      { 10, 1, 2, 0 },
		{ 2, 1, 2, 0 }, /* a point of a timeline without an interval */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		struct model model;
		assert_int_equal(model_open_summary(&model), 0);
		assert_int_equal(feed_table(WRONG[i].kind, WRONG[i].rows, WRONG[i].columns, CELLS,
					    WRONG[i].cut, &model),
				 -EBADMSG);
		model_close(&model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers_are_the_same),
		cmocka_unit_test(test_sums_are_not_counted_twice),
		cmocka_unit_test(test_checkpoints_come_back),
		cmocka_unit_test(test_merged_stacks_leave_the_totals),
		cmocka_unit_test(test_unknown_tables_and_columns_are_passed_over),
		cmocka_unit_test(test_nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
