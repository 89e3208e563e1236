// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/overhead.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void feed(struct model *model, enum chunk_type type, struct bytes_buffer *out)
{
	assert_false(out->failed);
	assert_int_equal(model_feed(model, type, out->data, out->size), 0);
	bytes_free(out);
}

static void only_live_blocks_of_glibc_are_known(void **state)
{
	static const struct {
		uint32_t id, module;
	} FUNCTIONS[] = { { 1, 1 }, { 2, 2 }, { 3, 1 }, { 3, 2 } };
	static const struct capture_event EVENTS[] = {
		{ .kind = CAPTURE_ALLOC, .address = 16, .size = 10, .stack = 1, .function = 1 },
		{ .kind = CAPTURE_ALLOC, .address = 160, .size = 100, .stack = 2, .function = 1 },
		{ .kind = CAPTURE_ALLOC, .address = 320, .size = 1, .stack = 1, .function = 2 },
		{ .kind = CAPTURE_ALLOC, .address = 480, .size = 1, .stack = 1, .function = 3 },
		{ .kind = CAPTURE_ALLOC, .address = 640, .size = 5, .stack = 1, .function = 1 },
		{ .kind = CAPTURE_FREE, .address = 640 },
	};
	struct bytes_buffer out = { 0 };
	struct overhead overhead;
	struct model model;

	(void)state;
	assert_int_equal(model_open(&model, &(struct filter)FILTER_NONE), 0);
	assert_int_equal(overhead_find(&model, &overhead), 0);
	assert_int_equal(overhead.totals.blocks, 0);
	module_record_put(
		&out, &(struct module_record) { .id = 1, .path = (char *)"/usr/lib/libc.so.6" });
	module_record_put(
		&out, &(struct module_record) { .id = 2, .path = (char *)"/opt/libmimalloc.so.2" });
	feed(&model, CHUNK_MODULES, &out);
	for (size_t i = 0; i < sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]); i++)
		function_record_put(&out, &(struct function_record) { .id = FUNCTIONS[i].id,
								      .module = FUNCTIONS[i].module,
								      .name = (char *)"malloc",
								      .instruction = (char *)"" });
	feed(&model, CHUNK_FUNCTIONS, &out);
	capture_events_encode(&out, EVENTS, sizeof(EVENTS) / sizeof(EVENTS[0]));
	feed(&model, CHUNK_EVENTS, &out);
	assert_int_equal(overhead_find(&model, &overhead), 0);
	assert_int_equal(overhead.totals.blocks, 2);
	assert_int_equal(overhead.totals.asked_bytes, 110);
	assert_int_equal(overhead.totals.chunk_bytes, 32 + 112);
	assert_int_equal(overhead.totals.unknown_blocks, 2);
	assert_int_equal(overhead.by_stack[1], 22);
	assert_int_equal(overhead.by_stack[2], 12);
	overhead_free(&overhead);
	model_close(&model);
}

/* Twenty blocks of a class of 64 bytes side by side, where there are two mallocs. */
static void find_of_two(uint64_t first, const char *library, const char *name,
			struct overhead_totals *totals)
{
	struct capture_event events[20];
	struct bytes_buffer out = { 0 };
	struct overhead overhead;
	struct model model;

	for (size_t i = 0; i < 20; i++)
		events[i] = (struct capture_event) { .kind = CAPTURE_ALLOC,
						     .address = first + 64 * i,
						     .size = 60,
						     .stack = 1,
						     .function = 1 };
	events[19].function = 2;
	events[18].function = 3;
	assert_int_equal(model_open(&model, &(struct filter)FILTER_NONE), 0);
	module_record_put(
		&out, &(struct module_record) { .id = 1, .path = (char *)"/usr/lib/libc.so.6" });
	module_record_put(&out, &(struct module_record) { .id = 2, .path = (char *)library });
	module_record_put(&out, &(struct module_record) {
					.id = 3, .path = (char *)"/usr/lib/libstdc++.so.6" });
	feed(&model, CHUNK_MODULES, &out);
	for (uint32_t module = 1; module <= 2; module++) {
		function_record_put(&out, &(struct function_record) { .id = 1,
								      .module = module,
								      .name = (char *)"malloc",
								      .instruction = (char *)"" });
		function_record_put(&out,
				    &(struct function_record) { .id = 2,
								.module = module,
								.name = (char *)"posix_memalign",
								.instruction = (char *)"" });
	}
	function_record_put(&out, &(struct function_record) { .id = 3,
							      .module = 3,
							      .name = (char *)"operator new",
							      .instruction = (char *)"" });
	feed(&model, CHUNK_FUNCTIONS, &out);
	capture_events_encode(&out, events, 20);
	feed(&model, CHUNK_EVENTS, &out);
	assert_int_equal(overhead_find(&model, &overhead), 0);
	*totals = overhead.totals;
	overhead_free(&overhead);
	assert_string_equal(overhead_allocator(&model), name);
	model_close(&model);
}

static void addresses_tell_whose_malloc_it_is(void **state)
{
	static const char *const FILES[][2] = { { "/opt/libjemalloc.so.2", "jemalloc" },
						{ "/opt/libtcmalloc.so.4", "tcmalloc" } };
	struct overhead_totals totals;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		find_of_two(0x10000, FILES[i][0], FILES[i][1], &totals);
		assert_int_equal(totals.blocks, 19);
		assert_int_equal(totals.asked_bytes, 19 * 60);
		assert_int_equal(totals.chunk_bytes, 19 * 64);
		assert_int_equal(totals.unknown_blocks, 1);
		/* a block of that class cannot begin there */
		find_of_two(0x10010, FILES[i][0], FILES[i][1], &totals);
		assert_int_equal(totals.blocks, 0);
		assert_int_equal(totals.unknown_blocks, 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_live_blocks_of_glibc_are_known),
		cmocka_unit_test(addresses_tell_whose_malloc_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
