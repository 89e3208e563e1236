// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/block_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct block_event EVENTS[] = {
	{ .kind = BLOCK_ALLOCATED,
	  .flags = BLOCK_EVENT_HAS_NEW,
	  .time_ns = 1,
	  .pid = 2,
	  .tid = 3,
	  .address = 0x7fff00001000,
	  .size = 0,
	  .stack = 4 },
	{ .kind = BLOCK_REALLOCATED,
	  .flags = BLOCK_EVENT_HAS_NEW | BLOCK_EVENT_HAS_OLD,
	  .time_ns = UINT64_MAX,
	  .pid = UINT32_MAX,
	  .tid = UINT32_MAX,
	  .address = UINT64_MAX,
	  .size = UINT64_MAX,
	  .stack = UINT32_MAX,
	  .old_address = UINT64_MAX,
	  .old_size = UINT64_MAX,
	  .old_stack = UINT32_MAX,
	  .tag = UINT32_MAX },
	{ .kind = BLOCK_FREED, .old_address = 16 },
};

#define EVENT_COUNT (sizeof(EVENTS) / sizeof(EVENTS[0]))

static void assert_same(const struct block_event *a, const struct block_event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->time_ns, b->time_ns);
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->tid, b->tid);
	assert_int_equal(a->address, b->address);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->stack, b->stack);
	assert_int_equal(a->old_address, b->old_address);
	assert_int_equal(a->old_size, b->old_size);
	assert_int_equal(a->old_stack, b->old_stack);
	assert_int_equal(a->tag, b->tag);
}

static void what_is_put_comes_back(void **state)
{
	struct bytes_buffer out = { 0 };
	struct block_event event;

	(void)state;
	for (size_t i = 0; i < EVENT_COUNT; i++)
		block_event_put(&out, &EVENTS[i]);
	assert_false(out.failed);
	struct bytes_reader in = bytes_reader_on(out.data, out.size);
	for (size_t i = 0; i < EVENT_COUNT; i++) {
		assert_true(block_event_get(&in, &event));
		assert_same(&event, &EVENTS[i]);
	}
	assert_false(block_event_get(&in, &event));
	assert_false(in.failed);
	bytes_free(&out);
}

static void what_is_cut_short_is_none(void **state)
{
	struct bytes_buffer out = { 0 };
	struct block_event event;

	(void)state;
	block_event_put(&out, &EVENTS[1]);
	for (size_t size = 1; size < out.size; size++) {
		struct bytes_reader in = bytes_reader_on(out.data, size);
		assert_false(block_event_get(&in, &event));
		assert_true(in.failed);
	}
	bytes_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_comes_back),
		cmocka_unit_test(what_is_cut_short_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
