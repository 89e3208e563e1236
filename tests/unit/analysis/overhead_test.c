// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/overhead.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void chunks_are_those_of_glibc(void **state)
{
	(void)state;
	assert_int_equal(overhead_chunk(0, 16), 32);
	assert_int_equal(overhead_chunk(24, 16), 32);
	assert_int_equal(overhead_chunk(25, 16), 48);
	assert_int_equal(overhead_chunk(1000, 16), 1008);
	assert_int_equal(overhead_chunk(200000, 0x1010), 200704);
	assert_int_equal(overhead_chunk(200000, 0x1030), 200016);
	assert_int_equal(overhead_chunk(UINT64_MAX, 16), UINT64_MAX);
}

/* The sanitizer has an allocator of its own. */
#ifdef __SANITIZE_ADDRESS__
#define IS_GLIBC false
#else
#define IS_GLIBC true
#endif

static void chunks_are_as_large_as_this_malloc_says(void **state)
{
	size_t exact = 0, count = 0;

	(void)state;
	for (size_t size = 1; IS_GLIBC && size < 1 << 21; size += size < 3000 ? 1 : size / 7) {
		void *block = malloc(size);
		size_t usable = malloc_usable_size(block);
		uint64_t chunk = overhead_chunk(size, (uintptr_t)block);
		bool is_mapped = size >= 128 << 10 && (uintptr_t)block % 4096 == 16;
		size_t expected = chunk - (is_mapped ? 16 : 8);
		/* what would be too small for another block is left to this one */
		assert_in_range(usable, expected, expected + 16);
		exact += usable == expected;
		count++;
		free(block);
	}
	assert_true(exact >= count / 2);
}

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
		&out, &(struct module_record) { .id = 2, .path = (char *)"/opt/libjemalloc.so.2" });
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_those_of_glibc),
		cmocka_unit_test(chunks_are_as_large_as_this_malloc_says),
		cmocka_unit_test(only_live_blocks_of_glibc_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
