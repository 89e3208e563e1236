// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t NUMBERS[] = { 0,		1,	    127,	128,
				    16383,	16384,	    UINT32_MAX, 1ULL << 32,
				    1ULL << 62, 1ULL << 63, INT64_MAX,	UINT64_MAX };
#define COUNT (sizeof(NUMBERS) / sizeof(NUMBERS[0]))

static void numbers_come_back(void **state)
{
	struct bytes_buffer out = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		bytes_put_varint(&out, NUMBERS[i]);
		bytes_put_signed(&out, (int64_t)NUMBERS[i]);
		bytes_put_signed(&out, -(int64_t)(NUMBERS[i] >> 1));
		bytes_put_le(&out, NUMBERS[i], 8);
		bytes_put_le(&out, NUMBERS[i], 3);
	}
	struct bytes_reader in = bytes_reader_on(out.data, out.size);
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(bytes_get_varint(&in), NUMBERS[i]);
		assert_int_equal(bytes_get_signed(&in), (int64_t)NUMBERS[i]);
		assert_int_equal(bytes_get_signed(&in), -(int64_t)(NUMBERS[i] >> 1));
		assert_int_equal(bytes_get_u64(&in), NUMBERS[i]);
		assert_int_equal(bytes_get_le(&in, 3), NUMBERS[i] & 0xffffff);
	}
	assert_false(in.failed);
	assert_int_equal(bytes_left(&in), 0);
	bytes_free(&out);
}

static void small_differences_of_either_sign_are_one_byte(void **state)
{
	(void)state;
	for (int64_t value = -64; value < 64; value++) {
		struct bytes_buffer out = { 0 };
		bytes_put_signed(&out, value);
		assert_int_equal(out.size, 1);
		bytes_free(&out);
	}
}

static void strings_come_back(void **state)
{
	struct bytes_buffer out = { 0 };

	(void)state;
	bytes_put_string(&out, "abc");
	bytes_put_string(&out, NULL);
	bytes_put_string(&out, "abc");
	struct bytes_reader in = bytes_reader_on(out.data, out.size);
	char *a = bytes_get_string(&in, 3), *b = bytes_get_string(&in, 0);
	assert_string_equal(a, "abc");
	assert_string_equal(b, "");
	assert_null(bytes_get_string(&in, 2));
	assert_true(in.failed);
	free(a);
	free(b);
	bytes_free(&out);
}

static void after_one_failure_every_get_yields_nothing(void **state)
{
	uint8_t data[4] = { 1, 2, 3, 4 };
	struct bytes_reader in = bytes_reader_on(data, sizeof(data));

	(void)state;
	assert_int_equal(bytes_get_u16(&in), 0x0201);
	assert_int_equal(bytes_get_u32(&in), 0);
	assert_true(in.failed);
	assert_int_equal(bytes_get_u8(&in), 0);
	assert_int_equal(bytes_get_varint(&in), 0);
	assert_null(bytes_get(&in, 0));
	assert_null(bytes_get_string(&in, 10));
}

static void sizes_that_wrap_do_not_fit(void **state)
{
	uint8_t data[4] = { 0 };
	struct bytes_reader in = bytes_reader_on(data, sizeof(data));

	(void)state;
	assert_null(bytes_get(&in, SIZE_MAX));
	assert_true(in.failed);
}

static void varints_that_are_cut_or_too_long_are_refused(void **state)
{
	static const struct {
		uint8_t bytes[11];
		size_t size;
	} BAD[] = {
		{ { 0 }, 0 },
		{ { 0x80 }, 1 },
		{ { 0xff, 0xff, 0xff }, 3 },
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2 }, 10 },
		{ { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0 }, 11 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		struct bytes_reader in = bytes_reader_on(BAD[i].bytes, BAD[i].size);
		assert_int_equal(bytes_get_varint(&in), 0);
		assert_true(in.failed);
	}
}

static void a_failed_buffer_takes_no_more(void **state)
{
	struct bytes_buffer out = { .failed = true };

	(void)state;
	bytes_put(&out, "abc", 3);
	bytes_put_varint(&out, 1);
	bytes_put_string(&out, "abc");
	assert_int_equal(out.size, 0);
	assert_null(out.data);
	bytes_free(&out);
}

static void nothing_is_read_as_nothing(void **state)
{
	struct bytes_reader in = bytes_reader_on(NULL, 0);

	(void)state;
	assert_int_equal(bytes_left(&in), 0);
	bytes_get(&in, 0);
	assert_false(in.failed);
	assert_int_equal(bytes_get_varint(&in), 0);
	assert_true(in.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_come_back),
		cmocka_unit_test(small_differences_of_either_sign_are_one_byte),
		cmocka_unit_test(strings_come_back),
		cmocka_unit_test(after_one_failure_every_get_yields_nothing),
		cmocka_unit_test(sizes_that_wrap_do_not_fit),
		cmocka_unit_test(varints_that_are_cut_or_too_long_are_refused),
		cmocka_unit_test(a_failed_buffer_takes_no_more),
		cmocka_unit_test(nothing_is_read_as_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
