// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/end.h"
#include "capture/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BIG UINT64_MAX

static struct stack_record stack, stack_found;

static const struct module_record MODULE = { .id = 3,
					     .build_id_size = 20,
					     .build_id = "\x01\x00\xff 0123456789abcd",
					     .inode = BIG,
					     .size_bytes = 1ULL << 40,
					     .path = (char *)"/usr/lib/libc.so.6",
					     .note = (char *)"" };
static const struct target_record TARGET = { .id = UINT32_MAX,
					     .pid = 4194304,
					     .comm = (char *)"a\n\xff",
					     .exe = (char *)"/bin/a (deleted)" };
static const struct thread_record THREAD = {
	.id = 1, .pid = 2, .tid = UINT32_MAX, .program = 3, .inherits = 1, .comm = (char *)""
};
static const struct function_record FUNCTION = { .id = 14,
						 .name = (char *)"malloc",
						 .module = 1,
						 .entry_offset = BIG,
						 .site_offset = 7,
						 .is_emulated = 1,
						 .instruction = (char *)"push rbp" };
static const struct session_record SESSION = { .start_unix_ns = BIG,
					       .sampling_bytes = 5,
					       .host = (char *)"host",
					       .kernel = (char *)"6.1.0",
					       .tool_version = (char *)"0.1.0",
					       .mode = (char *)"multi",
					       .has_free_stacks = 1 };
static const struct counters_record COUNTERS = { .time_ns = 1,
						 .emitted = BIG,
						 .loss_count = 4,
						 .lost = { 1, BIG, 0, 9 },
						 .stacks_lost = 8,
						 .threads_lost = 7,
						 .status_count = RECORD_REASONS_MAX,
						 .stack_status = { 5, [31] = BIG } };
static const struct end_record END = { 1, 2, BIG, 4, 5, 6, 7, 8, 9, "targets-exited" };

static void make_stack(uint32_t id, uint32_t frame_count)
{
	stack = (struct stack_record) { .id = id, .status = 3, .frame_count = frame_count };
	for (uint32_t i = 0; i < frame_count; i++)
		stack.frames[i] = (struct record_frame) { .module = i % 5 == 4 ? UINT32_MAX : i % 5,
							  .offset = i % 7 ? 0x1000 * i : BIG - i };
}

static void stacks_come_back(void **state)
{
	static const uint32_t COUNTS[] = { 0, 1, 2, 17, 256, RECORD_FRAMES_MAX };
	struct bytes_buffer out = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 6; i++) {
		make_stack(i + 1, COUNTS[i]);
		stack_record_put(&out, &stack);
	}
	struct bytes_reader in = bytes_reader_on(out.data, out.size);
	for (uint32_t i = 0; i < 6; i++) {
		make_stack(i + 1, COUNTS[i]);
		assert_true(stack_record_get(&in, &stack_found));
		assert_int_equal(stack_found.id, i + 1);
		assert_int_equal(stack_found.status, 3);
		assert_int_equal(stack_found.frame_count, COUNTS[i]);
		for (uint32_t k = 0; k < COUNTS[i]; k++) {
			assert_int_equal(stack_found.frames[k].module, stack.frames[k].module);
			assert_int_equal(stack_found.frames[k].offset, stack.frames[k].offset);
		}
	}
	assert_false(stack_record_get(&in, &stack_found));
	assert_false(in.failed);
	bytes_free(&out);
}

static void a_stack_of_too_many_frames_is_refused(void **state)
{
	struct bytes_buffer out = { 0 };

	(void)state;
	bytes_put_varint(&out, 1);
	bytes_put_le(&out, 0, 1);
	bytes_put_varint(&out, RECORD_FRAMES_MAX + 1);
	for (int i = 0; i < 2 * (RECORD_FRAMES_MAX + 1); i++)
		bytes_put_varint(&out, 1);
	struct bytes_reader in = bytes_reader_on(out.data, out.size);
	assert_false(stack_record_get(&in, &stack_found));
	assert_true(in.failed);
	bytes_free(&out);
}

static const struct census_record CENSUS = { .time_ns = 5, .pid = 6, .moment = 1 };

static const struct mapping_record MAPPING = {
	.time_ns = 1ull << 40, .duration_ns = 7, .thread = 3, .function = 250, .flags = MAPPING_OF_FILE,
	.old_address = 1ull << 46, .old_size = 4096, .address = UINT64_MAX, .size = 1ull << 50, .stack = 9,
};

static const struct mark_record MARK = { .time_ns = BIG,
					 .thread = UINT32_MAX,
					 .what = 255,
					 .events = BIG,
					 .depth = 70,
					 .name = (char *)"render/\xff" };

static void put_all(struct bytes_buffer *out)
{
	module_record_put(out, &MODULE);
	target_record_put(out, &TARGET);
	thread_record_put(out, &THREAD);
	function_record_put(out, &FUNCTION);
	session_record_put(out, &SESSION);
	counters_record_put(out, &COUNTERS);
	mapping_record_put(out, &MAPPING);
	mark_record_put(out, &MARK);
	end_record_put(out, &END);
}

static void all_records_come_back(void **state)
{
	struct bytes_buffer out = { 0 };
	struct module_record module;
	struct target_record target;
	struct thread_record thread;
	struct function_record function;
	struct session_record session;
	struct counters_record counters;
	struct mapping_record mapping;
	struct mark_record mark;
	struct end_record end;

	(void)state;
	put_all(&out);
	struct bytes_reader in = bytes_reader_on(out.data, out.size);
	assert_true(module_record_get(&in, &module));
	assert_int_equal(module.id, MODULE.id);
	assert_int_equal(module.build_id_size, 20);
	assert_memory_equal(module.build_id, MODULE.build_id, 20);
	assert_int_equal(module.inode, MODULE.inode);
	assert_int_equal(module.size_bytes, MODULE.size_bytes);
	assert_string_equal(module.path, MODULE.path);
	assert_string_equal(module.note, "");
	assert_true(target_record_get(&in, &target));
	assert_int_equal(target.id, TARGET.id);
	assert_int_equal(target.pid, TARGET.pid);
	assert_string_equal(target.comm, TARGET.comm);
	assert_string_equal(target.exe, TARGET.exe);
	assert_true(thread_record_get(&in, &thread));
	assert_int_equal(thread.tid, THREAD.tid);
	assert_int_equal(thread.inherits, THREAD.inherits);
	assert_int_equal(thread.program, 3);
	assert_string_equal(thread.comm, "");
	assert_true(function_record_get(&in, &function));
	assert_int_equal(function.entry_offset, FUNCTION.entry_offset);
	assert_int_equal(function.site_offset, FUNCTION.site_offset);
	assert_int_equal(function.is_emulated, 1);
	assert_string_equal(function.name, "malloc");
	assert_string_equal(function.instruction, "push rbp");
	assert_true(session_record_get(&in, &session));
	assert_int_equal(session.start_unix_ns, SESSION.start_unix_ns);
	assert_int_equal(session.sampling_bytes, 5);
	assert_int_equal(session.has_free_stacks, 1);
	assert_string_equal(session.kernel, "6.1.0");
	assert_string_equal(session.mode, "multi");
	assert_true(counters_record_get(&in, &counters));
	assert_memory_equal(&counters, &COUNTERS, sizeof(counters));
	assert_true(mapping_record_get(&in, &mapping));
	assert_memory_equal(&mapping, &MAPPING, sizeof(mapping));
	assert_true(mark_record_get(&in, &mark));
	assert_int_equal(mark.time_ns, MARK.time_ns);
	assert_int_equal(mark.thread, MARK.thread);
	assert_int_equal(mark.what, MARK.what);
	assert_int_equal(mark.events, MARK.events);
	assert_int_equal(mark.depth, MARK.depth);
	assert_string_equal(mark.name, MARK.name);
	assert_true(end_record_get(&in, &end));
	assert_memory_equal(&end, &END, sizeof(end));
	assert_int_equal(bytes_left(&in), 0);
	module_record_free(&module);
	target_record_free(&target);
	thread_record_free(&thread);
	function_record_free(&function);
	session_record_free(&session);
	mark_record_free(&mark);
	bytes_free(&out);
}

#define READ_AS(noun)                                                 \
	static void read_as_##noun(const uint8_t *data, size_t size)  \
	{                                                             \
		static struct noun record;                            \
		struct bytes_reader in = bytes_reader_on(data, size); \
		while (noun##_get(&in, &record))                      \
			noun##_free(&record);                         \
		assert_true(in.failed || bytes_left(&in) == 0);       \
	}

READ_AS(stack_record)
READ_AS(module_record)
READ_AS(target_record)
READ_AS(thread_record)
READ_AS(function_record)
READ_AS(session_record)
READ_AS(counters_record)
READ_AS(census_record)
READ_AS(mapping_record)
READ_AS(memory_record)
READ_AS(mark_record)
READ_AS(cgroup_record)

static void read_as_end(const uint8_t *data, size_t size)
{
	struct bytes_reader in = bytes_reader_on(data, size);
	struct end_record record;

	if (end_record_get(&in, &record))
		assert_true(strnlen(record.reason, sizeof(record.reason)) < sizeof(record.reason));
}

static void (*const READS[])(const uint8_t *, size_t) = {
	read_as_stack_record,	 read_as_module_record,
	read_as_target_record,	 read_as_thread_record,
	read_as_function_record, read_as_session_record,
	read_as_counters_record, read_as_end,
	read_as_census_record,	 read_as_mapping_record,
	read_as_memory_record,	 read_as_mark_record,
	read_as_cgroup_record,
};

static void read_as_everything(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);

	memcpy(exact, data, size);
	for (size_t i = 0; i < sizeof(READS) / sizeof(READS[0]); i++)
		READS[i](exact, size);
	free(exact);
}

/* Each record on its own, so that each type meets cuts and flips of its own bytes. */
static void hostile_bytes_are_survived(void **state)
{
	(void)state;
	for (int which = 0; which < 10; which++) {
		struct bytes_buffer out = { 0 };
		make_stack(1, 9);
		switch (which) {
		case 0: stack_record_put(&out, &stack); break;
		case 1: module_record_put(&out, &MODULE); break;
		case 2: target_record_put(&out, &TARGET); break;
		case 3: thread_record_put(&out, &THREAD); break;
		case 4: function_record_put(&out, &FUNCTION); break;
		case 5: session_record_put(&out, &SESSION); break;
		case 6: counters_record_put(&out, &COUNTERS); break;
		case 7: end_record_put(&out, &END); break;
		case 8: mapping_record_put(&out, &MAPPING); break;
		case 9: census_record_put(&out, &CENSUS); break;
		}
		for (size_t size = 0; size <= out.size; size++)
			read_as_everything(out.data, size);
		for (size_t bit = 0; bit < out.size * 8; bit++) {
			out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			read_as_everything(out.data, out.size);
			out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		bytes_free(&out);
	}
}

static void a_cut_record_is_failed_and_not_the_end(void **state)
{
	struct bytes_buffer out = { 0 };
	struct target_record target;

	(void)state;
	target_record_put(&out, &TARGET);
	for (size_t size = 1; size < out.size; size++) {
		struct bytes_reader in = bytes_reader_on(out.data, size);
		assert_false(target_record_get(&in, &target));
		assert_true(in.failed);
		assert_null(target.comm);
		assert_null(target.exe);
	}
	bytes_free(&out);
}

static void numbers_over_32_bits_are_refused_where_32_are_kept(void **state)
{
	struct bytes_buffer out = { 0 };
	struct thread_record thread;

	(void)state;
	bytes_put_varint(&out, 1ULL << 32);
	bytes_put_varint(&out, 1);
	bytes_put_varint(&out, 1);
	bytes_put_string(&out, "a");
	struct bytes_reader in = bytes_reader_on(out.data, out.size);
	assert_false(thread_record_get(&in, &thread));
	assert_true(in.failed);
	bytes_free(&out);
}

static void a_long_end_reason_is_refused(void **state)
{
	struct bytes_buffer out = { 0 };
	struct end_record end;

	(void)state;
	for (int i = 0; i < 8; i++)
		bytes_put_varint(&out, 1);
	bytes_put_string(&out, "12345678901234567890123456789012");
	struct bytes_reader in = bytes_reader_on(out.data, out.size);
	assert_false(end_record_get(&in, &end));
	bytes_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stacks_come_back),
		cmocka_unit_test(a_stack_of_too_many_frames_is_refused),
		cmocka_unit_test(all_records_come_back),
		cmocka_unit_test(hostile_bytes_are_survived),
		cmocka_unit_test(a_cut_record_is_failed_and_not_the_end),
		cmocka_unit_test(numbers_over_32_bits_are_refused_where_32_are_kept),
		cmocka_unit_test(a_long_end_reason_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
