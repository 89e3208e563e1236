// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed = 1;

static uint64_t rnd(void)
{
	return hash_u64(seed += 0x9e3779b97f4a7c15ULL);
}

static void an_empty_map_has_nothing(void **state)
{
	struct map map = { 0 };

	(void)state;
	assert_null(map_get(&map, 1));
	assert_false(map_remove(&map, 1, NULL));
	map_free(&map);
	map_free(&map);
}

static void put_replaces(void **state)
{
	struct map map = { 0 };
	uint64_t value = 0;

	(void)state;
	assert_int_equal(map_put(&map, 5, 1), 0);
	assert_int_equal(map_put(&map, 5, 2), 0);
	assert_int_equal(map.count, 1);
	assert_int_equal(*map_get(&map, 5), 2);
	*map_get(&map, 5) = 3;
	assert_true(map_remove(&map, 5, &value));
	assert_int_equal(value, 3);
	assert_int_equal(map.count, 0);
	map_free(&map);
}

/* Keys are few, so that each is put and removed often, in runs that wrap round the table's end. */
static void it_does_as_an_array_does(void **state)
{
	enum {
		KEYS = 300
	};
	uint64_t values[KEYS] = { 0 }, count = 0;
	bool has[KEYS] = { 0 };
	struct map map = { 0 };

	(void)state;
	for (int i = 0; i < 300000; i++) {
		uint64_t key = rnd() % KEYS, value = 0;
		if (rnd() % 2) {
			values[key] = rnd();
			count += !has[key];
			has[key] = true;
			assert_int_equal(map_put(&map, key + 1, values[key]), 0);
		} else {
			assert_int_equal(map_remove(&map, key + 1, &value), has[key]);
			if (has[key])
				assert_int_equal(value, values[key]);
			count -= has[key];
			has[key] = false;
		}
		key = rnd() % KEYS;
		uint64_t *found = map_get(&map, key + 1);
		assert_int_equal(found != NULL, has[key]);
		if (found)
			assert_int_equal(*found, values[key]);
		assert_int_equal(map.count, count);
	}
	map_free(&map);
}

static void it_grows_and_does_not_fill_with_what_was_removed(void **state)
{
	struct map map = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= 100000; i++)
		assert_int_equal(map_put(&map, i << 12, i), 0);
	for (uint64_t i = 1; i <= 100000; i++)
		assert_int_equal(*map_get(&map, i << 12), i);
	size_t capacity = map.capacity;
	assert_true(map.count * 8 <= capacity * 5);
	for (uint64_t i = 1; i <= 500000; i++) {
		assert_true(map_remove(&map, i << 12, NULL));
		assert_int_equal(map_put(&map, (i + 100000) << 12, i), 0);
	}
	assert_int_equal(map.capacity, capacity);
	map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(put_replaces),
		cmocka_unit_test(it_does_as_an_array_does),
		cmocka_unit_test(it_grows_and_does_not_fill_with_what_was_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
