// SPDX-License-Identifier: GPL-2.0-or-later
/* Callers and callees of random stacks, against the plain definition. */
#include "analysis/peek.h"

#include "base/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FUNCTIONS 6 /* named f1 to f6, at offsets 100 to 600 */
#define STACKS	  40
#define DEPTH	  6

static struct {
	int functions[DEPTH]; /* leaf first */
	uint32_t depth;
	uint64_t size; /* of its one block */
} stacks[STACKS + 1];

static void feed(struct model *model, enum chunk_type type, struct bytes_buffer *out)
{
	assert_false(out->failed);
	assert_int_equal(model_feed(model, type, out->data, out->size), 0);
	bytes_free(out);
}

static void feed_names(struct model *model)
{
	struct names_writer *writer = names_writer_new();
	struct bytes_buffer out = { 0 };

	module_record_put(&out, &(struct module_record) { .id = 1, .path = (char *)"/bin/a" });
	feed(model, CHUNK_MODULES, &out);
	for (int i = 1; i <= FUNCTIONS; i++) {
		char name[8];
		snprintf(name, sizeof(name), "f%d", i);
		names_writer_add(writer, 100 * (uint64_t)i, &(struct name) { name, "", 0 }, 1);
	}
	bytes_put_varint(&out, 1);
	names_writer_finish(writer, &out);
	names_writer_free(writer);
	feed(model, CHUNK_NAMES, &out);
}

static void feed_stacks(struct model *model, unsigned *seed)
{
	static struct stack_record record;
	static struct capture_event events[STACKS];
	struct bytes_buffer out = { 0 };

	for (uint32_t id = 1; id <= STACKS; id++) {
		uint32_t depth = 1 + (uint32_t)rand_r(seed) % DEPTH;
		record = (struct stack_record) { .id = id, .frame_count = depth };
		stacks[id].depth = depth;
		stacks[id].size = 1 + (uint64_t)rand_r(seed) % 100;
		for (uint32_t i = 0; i < depth; i++) {
			stacks[id].functions[i] = 1 + rand_r(seed) % FUNCTIONS;
			record.frames[i] = (struct record_frame) {
				.module = 1, .offset = 100 * (uint64_t)stacks[id].functions[i]
			};
		}
		stack_record_put(&out, &record);
		events[id - 1] = (struct capture_event) { .kind = CAPTURE_ALLOC,
							  .time_ns = id,
							  .address = 4096 * (uint64_t)id,
							  .size = stacks[id].size,
							  .stack = id };
	}
	feed(model, CHUNK_STACKS, &out);
	capture_events_encode(&out, events, STACKS);
	feed(model, CHUNK_EVENTS, &out);
}

static uint64_t of_neighbour(const struct peek_neighbour *list, int function)
{
	char name[8];

	snprintf(name, sizeof(name), "f%d", function);
	for (; list; list = list->next)
		if (strcmp(list->function, name) == 0)
			return list->sums.live_bytes;
	return 0;
}

static void compare(const struct peek_function *found)
{
	uint64_t all = 0, own = 0, outermost = 0, callers[FUNCTIONS + 1] = { 0 },
		 callees[FUNCTIONS + 1] = { 0 };
	int function = atoi(found->function + 1);

	for (uint32_t id = 1; id <= STACKS; id++) {
		uint32_t depth = stacks[id].depth, first = 0, last = depth;
		while (first < depth && stacks[id].functions[first] != function)
			first++;
		if (first == depth)
			continue;
		while (stacks[id].functions[last - 1] != function)
			last--;
		all += stacks[id].size;
		own += first == 0 ? stacks[id].size : 0;
		outermost += last == depth ? stacks[id].size : 0;
		callees[first ? stacks[id].functions[first - 1] : 0] += stacks[id].size;
		callers[last < depth ? stacks[id].functions[last] : 0] += stacks[id].size;
	}
	assert_int_equal(found->sums.live_bytes, all);
	assert_int_equal(found->own.live_bytes, own);
	assert_int_equal(found->outermost.live_bytes, outermost);
	for (int i = 1; i <= FUNCTIONS; i++) {
		assert_int_equal(of_neighbour(found->callees, i), callees[i]);
		assert_int_equal(of_neighbour(found->callers, i), callers[i]);
	}
}

static void callers_and_callees_are_those_of_each_stack_once(void **state)
{
	unsigned seed = 11;

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct model model;
		struct peek peek;
		assert_int_equal(model_open(&model, &(struct filter)FILTER_NONE), 0);
		feed_names(&model);
		feed_stacks(&model, &seed);
		assert_int_equal(peek_find(&model, "f?", &peek), 0);
		assert_int_equal(peek.count, FUNCTIONS);
		for (size_t i = 0; i < peek.count; i++)
			compare(&peek.functions[i]);
		peek_free(&peek);
		assert_int_equal(peek_find(&model, "f3", &peek), 0);
		assert_int_equal(peek.count, 1);
		compare(&peek.functions[0]);
		peek_free(&peek);
		assert_int_equal(peek_find(&model, "none", &peek), 0);
		assert_int_equal(peek.count, 0);
		peek_free(&peek);
		model_close(&model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callers_and_callees_are_those_of_each_stack_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
