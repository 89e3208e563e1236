// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void durations_are_understood(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} GOOD[] = {
		{ "500ms", 500000000 },
		{ "10s", 10000000000 },
		{ "1.5m", 90000000000 },
		{ "2h", 7200000000000 },
		{ "1d", 86400000000000 },
		{ "3", 3000000000 },
		{ "0", 0 },
		{ "7us", 7000 },
		{ "9ns", 9 },
		{ "0.5", 500000000 },
		{ "2min", 120000000000 },
		{ "10S", 10000000000 },
	};
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
		assert_int_equal(units_parse_duration(GOOD[i].text, &ns), 0);
		assert_int_equal(ns, GOOD[i].ns);
	}
}

static void sizes_are_understood(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} GOOD[] = {
		{ "4096", 4096 },      { "512K", 512 << 10 },
		{ "10M", 10 << 20 },   { "1.5G", 3ULL << 29 },
		{ "2T", 2ULL << 40 },  { "10MB", 10 << 20 },
		{ "10MiB", 10 << 20 }, { "1b", 1 },
		{ "1kib", 1024 },      { "0", 0 },
	};
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(GOOD) / sizeof(GOOD[0]); i++) {
		assert_int_equal(units_parse_size(GOOD[i].text, &bytes), 0);
		assert_int_equal(bytes, GOOD[i].bytes);
	}
}

static void what_is_neither_is_refused(void **state)
{
	static const char *const BAD[] = { "",	    " 1",   "-1",  "+1",  "1 s", "x",	 "1x",
					   "0x10",  "0X10", "1e3", "1E3", "inf", "nan",	 "1..2",
					   "1.2.3", ".5",   "1s ", "1ss", "0x",	 "0x1p3" };
	uint64_t value = 42;

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		assert_int_equal(units_parse_duration(BAD[i], &value), -EINVAL);
		assert_int_equal(units_parse_size(BAD[i], &value), -EINVAL);
	}
	assert_int_equal(units_parse_size("10s", &value), -EINVAL);
	assert_int_equal(units_parse_duration("10K", &value), -EINVAL);
	assert_int_equal(value, 42);
}

static void what_is_too_large_is_out_of_range(void **state)
{
	char digits[600];
	uint64_t value = 42;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(digits); i++)
		digits[i] = '9';
	digits[sizeof(digits) - 1] = 0;
	assert_int_equal(units_parse_size("9223372036854775808", &value), -ERANGE);
	assert_int_equal(units_parse_size("8388608T", &value), -ERANGE);
	assert_int_equal(units_parse_duration("106752d", &value), -ERANGE);
	assert_int_equal(units_parse_size(digits, &value), -ERANGE);
	assert_int_equal(value, 42);
	assert_int_equal(units_parse_size("8388607T", &value), 0);
}

static void sizes_are_written_in_the_unit_that_fits(void **state)
{
	char text[UNITS_TEXT_MAX];

	(void)state;
	assert_string_equal(units_format_size(0, text), "0 B");
	assert_string_equal(units_format_size(1023, text), "1023 B");
	assert_string_equal(units_format_size(1024, text), "1.0 KiB");
	assert_string_equal(units_format_size(1468006, text), "1.4 MiB");
	assert_string_equal(units_format_size((1 << 20) - 1, text), "1.0 MiB");
	assert_string_equal(units_format_size(UINT64_MAX, text), "16.0 EiB");
}

static void durations_are_written_in_the_unit_that_fits(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} CASES[] = {
		{ 0, "0.0 us" },
		{ 1500, "1.5 us" },
		{ 999960, "1.0 ms" },
		{ 340000000, "340.0 ms" },
		{ 999960000, "1.0 s" },
		{ 1200000000, "1.2 s" },
		{ 59940000000, "59.9 s" },
		{ 59960000000, "1 min 00 s" },
		{ 125000000000, "2 min 05 s" },
		{ 3599990000000, "1 h 00 min" },
		{ 90061000000000, "25 h 01 min" },
	};
	char text[UNITS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_string_equal(units_format_duration(CASES[i].ns, text), CASES[i].text);
	assert_string_equal(units_format_duration(UINT64_MAX, text), "5124095 h 34 min");
}

static void counts_are_grouped(void **state)
{
	char text[UNITS_TEXT_MAX + 8];

	(void)state;
	assert_string_equal(units_format_count(0, text), "0");
	assert_string_equal(units_format_count(999, text), "999");
	assert_string_equal(units_format_count(1000, text), "1,000");
	assert_string_equal(units_format_count(1234567, text), "1,234,567");
	assert_string_equal(units_format_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_understood),
		cmocka_unit_test(sizes_are_understood),
		cmocka_unit_test(what_is_neither_is_refused),
		cmocka_unit_test(what_is_too_large_is_out_of_range),
		cmocka_unit_test(sizes_are_written_in_the_unit_that_fits),
		cmocka_unit_test(durations_are_written_in_the_unit_that_fits),
		cmocka_unit_test(counts_are_grouped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
