// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 6000

static void put(struct blocks *blocks, uint32_t target, uint64_t address, uint64_t size)
{
	const struct block block = { .target = target, .address = address, .size = size };

	assert_int_equal(blocks_reserve(blocks), 0);
	struct blocks_slot *slot = blocks_slot(blocks, target, address);
	assert_int_equal(slot->place, 0);
	*blocks_put(blocks, slot, target, address) = block;
}

static void take(struct blocks *blocks, uint32_t target, uint64_t address, uint64_t size)
{
	struct blocks_slot *slot = blocks_find(blocks, target, address);
	struct block taken;

	assert_non_null(slot);
	blocks_take(blocks, slot, &taken);
	assert_int_equal(taken.address, address);
	assert_int_equal(taken.target, target);
	assert_int_equal(taken.size, size);
	assert_null(blocks_find(blocks, target, address));
}

/* An address, of target 0, whose hash is this one; there are 2^32. */
static uint64_t address_of_hash(uint32_t hash, uint32_t which)
{
	uint64_t factor = 0x9e3779b97f4a7c15ULL, inverse = factor;

	for (int i = 0; i < 6; i++)
		inverse *= 2 - factor * inverse;
	uint64_t folded = ((uint64_t)hash << 32 | which) * inverse;
	return folded ^ folded >> 32;
}

static void check_all(const struct blocks *blocks, uint64_t (*address_of)(size_t),
		      const uint64_t sizes[static KEYS])
{
	size_t count = 0;

	for (size_t i = 0; i < KEYS; i++) {
		uint32_t target = (uint32_t)i % 3;
		struct blocks_slot *slot = blocks_find(blocks, target, address_of(i));
		assert_int_equal(slot != NULL, sizes[i] != 0);
		count += slot != NULL;
		if (slot)
			assert_int_equal(blocks_at(blocks, slot)->size, sizes[i]);
	}
	assert_int_equal(blocks->count, count);
}

static void random_blocks_come_and_go(uint64_t (*address_of)(size_t))
{
	static uint64_t sizes[KEYS]; /* 0: not there */
	struct blocks blocks = { 0 };
	unsigned seed = 3;

	memset(sizes, 0, sizeof(sizes));
	for (uint64_t round = 1; round <= 60000; round++) {
		size_t i = (size_t)rand_r(&seed) % KEYS;
		if (sizes[i]) {
			take(&blocks, (uint32_t)i % 3, address_of(i), sizes[i]);
			sizes[i] = 0;
		} else {
			put(&blocks, (uint32_t)i % 3, address_of(i), round);
			sizes[i] = round;
		}
		if (round % 10000 == 0)
			check_all(&blocks, address_of, sizes);
	}
	assert_true(blocks.place_count <= KEYS);
	blocks_free(&blocks);
}

static uint64_t in_a_row(size_t i)
{
	return 16 * (i / 3 + 1);
}

/* The search for any of them begins in the last slots, and goes on in the first. */
static uint64_t at_the_end(size_t i)
{
	return address_of_hash(UINT32_MAX - (uint32_t)(i / 3 % 16), (uint32_t)i / 3) ^
	       (uint64_t)(i % 3) << 48;
}

static void each_block_is_found_until_it_is_taken(void **state)
{
	(void)state;
	random_blocks_come_and_go(in_a_row);
	random_blocks_come_and_go(at_the_end);
}

static void blocks_of_one_hash_are_told_apart(void **state)
{
	struct blocks blocks = { 0 };
	uint64_t a = address_of_hash(77, 1), b = address_of_hash(77, 2), c = address_of_hash(77, 3);

	(void)state;
	assert_null(blocks_find(&blocks, 0, a));
	put(&blocks, 0, a, 1);
	put(&blocks, 0, b, 2);
	assert_int_equal(blocks_hash(0, a), 77);
	assert_int_equal(blocks_hash(0, b), 77);
	assert_null(blocks_find(&blocks, 0, c));
	assert_null(blocks_find(&blocks, 1, a));
	take(&blocks, 0, a, 1);
	assert_int_equal(blocks_at(&blocks, blocks_find(&blocks, 0, b))->size, 2);
	blocks_free(&blocks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_block_is_found_until_it_is_taken),
		cmocka_unit_test(blocks_of_one_hash_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
