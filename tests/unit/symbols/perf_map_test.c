// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/perf_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_MAX 16384

static struct perf_map_name found[COUNT_MAX];

static void find(const char *text, const uint64_t *addresses, size_t count)
{
	assert_int_equal(perf_map_find(text, strlen(text), addresses, count, found), 0);
}

static void is(size_t i, const char *name)
{
	if (!name) {
		assert_null(found[i].text);
		return;
	}
	assert_non_null(found[i].text);
	assert_int_equal(found[i].size, strlen(name));
	assert_memory_equal(found[i].text, name, found[i].size);
}

static void a_name_covers_its_bytes_only(void **state)
{
	static const uint64_t AT[] = { 0xfff, 0x1000, 0x100f, 0x1010 };

	(void)state;
	find("1000 10 LazyCompile:*fib /srv/app.js:3:12\n", AT, 4);
	is(0, NULL);
	is(1, "LazyCompile:*fib /srv/app.js:3:12");
	is(2, "LazyCompile:*fib /srv/app.js:3:12");
	is(3, NULL);
}

static void the_later_line_counts(void **state)
{
	static const uint64_t AT[] = { 0x1000, 0x1040, 0x1080 };

	(void)state;
	find("1000 100 old\n0x1040 0x10 new\n1040 4 newest\n1080 0 empty\n", AT, 3);
	is(0, "old");
	is(1, "newest");
	is(2, "old");
}

static void a_line_counts_once_it_is_whole(void **state)
{
	static const uint64_t AT[] = { 0x1000, 0x2000 };

	(void)state;
	find("1000 10 whole\n2000 10 cu", AT, 2);
	is(0, "whole");
	is(1, NULL);
}

static void what_is_no_line_is_passed_over(void **state)
{
	static const uint64_t AT[] = { 0x0, 0x10, 0x1000, UINT64_MAX };
	static const char *const GARBAGE[] = {
		"\n\n\n",
		"1000\n",
		"1000 10\n",
		"1000 10 \n",
		" 1000 10 a\n",
		"1000  10 a\n",
		"-1000 10 a\n",
		"0x 10 a\n",
		"1000 0x a\n",
		"g000 10 a\n",
		"10000000000001000 10 a\n",
		"1000 ffffffffffffffff a\n",
		"ffffffffffffffff 1 a\n",
		"\x7f"
		"ELF\x02\x01\n",
		"1000\t10\ta\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(GARBAGE) / sizeof(GARBAGE[0]); i++) {
		find(GARBAGE[i], AT, 4);
		for (size_t k = 0; k < 4; k++)
			is(k, NULL);
	}
	find("", AT, 4);
	is(2, NULL);
}

static void long_names_are_cut(void **state)
{
	static const uint64_t AT[] = { 0x1000 };
	char *text = malloc((1 << 20) + 100);

	(void)state;
	assert_non_null(text);
	memset(strcpy(text, "1000 10 ") + 8, 'n', 1 << 20);
	strcpy(text + 8 + (1 << 20), "\n");
	find(text, AT, 1);
	assert_int_equal(found[0].size, PERF_MAP_NAME_MAX);
	free(text);
}

/* 16 MB of lines that all cover all of 16,384 addresses: their product would take minutes, and the
 * symbolizer's child has ten seconds. */
static void lines_that_cover_everything_take_no_product_of_time(void **state)
{
	static const char LINE[] = "0 fffffff x\n";
	static uint64_t at[COUNT_MAX];
	size_t size = sizeof(LINE) - 1, lines = (16 << 20) / size;
	char *text = malloc(size * lines);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < lines; i++)
		memcpy(text + i * size, LINE, size);
	for (size_t i = 0; i < COUNT_MAX; i++)
		at[i] = i * 16;
	assert_int_equal(perf_map_find(text, size * lines, at, COUNT_MAX, found), 0);
	for (size_t i = 0; i < COUNT_MAX; i++)
		is(i, "x");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_covers_its_bytes_only),
		cmocka_unit_test(the_later_line_counts),
		cmocka_unit_test(a_line_counts_once_it_is_whole),
		cmocka_unit_test(what_is_no_line_is_passed_over),
		cmocka_unit_test(long_names_are_cut),
		cmocka_unit_test(lines_that_cover_everything_take_no_product_of_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
