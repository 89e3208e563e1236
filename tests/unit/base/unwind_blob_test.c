// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/unwind_blob.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RULE_MASK 0xfffff

/* Pages 7 to 9, the one in the middle without rows. */
static const uint32_t INDEX[] = { 0, 2, 2, 4 };
static const uint32_t ROWS[] = { 0, 0x100 << 20 | 1, 0x10 << 20 | 2, 0xfff << 20 };
static const uint64_t RULES[] = { 0, 0x200000008, 0x200000010 };

struct bytes {
	struct unwind_blob_header header;
	uint32_t index[4], rows[4];
	uint64_t rules[3];
};
_Static_assert(sizeof(struct bytes) == sizeof(struct unwind_blob_header) + 32 + 24, "layout");

static struct bytes sound(void)
{
	struct bytes bytes = {
		.header = { .magic = UNWIND_BLOB_MAGIC,
			    .page0 = 7,
			    .page_count = 3,
			    .row_count = 4,
			    .rule_count = 3 },
	};

	memcpy(bytes.index, INDEX, sizeof(INDEX));
	memcpy(bytes.rows, ROWS, sizeof(ROWS));
	memcpy(bytes.rules, RULES, sizeof(RULES));
	return bytes;
}

/* From an allocation of the exact size; every look-up that a user may do is done. */
static int load(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);
	struct unwind_blob blob;
	volatile uint64_t rule;

	memcpy(copy, data, size);
	int err = unwind_blob_load(copy, size, &blob);
	for (uint64_t page = 0; !err && page < blob.header->page_count; page++) {
		/* the row before a page's first is where a search in it starts */
		assert_true(blob.index[page + 1] > 0);
		for (uint32_t row = page ? blob.index[page] - 1 : 0; row < blob.index[page + 1];
		     row++)
			rule = blob.rules[blob.rows[row] & RULE_MASK];
	}
	(void)rule;
	free(copy);
	assert_true(err == 0 || err == -EBADMSG);
	return err;
}

static void a_sound_table_is_loaded(void **state)
{
	struct bytes bytes = sound();
	struct unwind_blob blob;

	(void)state;
	assert_int_equal(unwind_blob_load(&bytes, sizeof(bytes), &blob), 0);
	assert_ptr_equal(blob.index, bytes.index);
	assert_ptr_equal(blob.rows, bytes.rows);
	assert_ptr_equal(blob.rules, bytes.rules);
}

static void rules_are_aligned_whatever_is_before_them(void **state)
{
	struct {
		struct unwind_blob_header header;
		uint32_t index[2], row, padding;
		uint64_t rule;
	} bytes = { .header = { .magic = UNWIND_BLOB_MAGIC,
				.page_count = 1,
				.row_count = 1,
				.rule_count = 1 },
		    .index = { 0, 1 } };
	struct unwind_blob blob;

	(void)state;
	assert_int_equal(unwind_blob_load(&bytes, sizeof(bytes), &blob), 0);
	assert_ptr_equal(blob.rules, &bytes.rule);
}

static void other_sizes_than_the_header_says_are_refused(void **state)
{
	struct bytes bytes[2] = { sound() };

	(void)state;
	for (size_t size = 0; size < sizeof(bytes); size++)
		assert_int_equal(load(bytes, size), size == sizeof(bytes[0]) ? 0 : -EBADMSG);
}

static void what_would_be_read_outside_is_refused(void **state)
{
	static const struct {
		size_t word; /* of the blob */
		uint32_t value;
	} CHANGES[] = {
		{ 0, 0x31575549 },     /* magic */
		{ 2, 0 },	       /* no pages */
		{ 2, UINT32_MAX },     /* pages */
		{ 3, UINT32_MAX },     /* rows */
		{ 4, UINT32_MAX },     /* rules */
		{ 22, 1 },	       /* rows before the first page */
		{ 23, 0 },	       /* no row in the first page */
		{ 24, 1 },	       /* an index that goes down */
		{ 24, 5 },	       /* more rows than there are */
		{ 25, 3 },	       /* a row after the last page */
		{ 26, 1u << 20 },      /* the first row is not at the first page's start */
		{ 27, 1 },	       /* the same offset twice */
		{ 29, 0xfu << 20 },    /* offsets that go down */
		{ 28, 0x10 << 20 | 3 } /* a rule that there is not */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++) {
		struct bytes bytes = sound();
		memcpy((uint8_t *)&bytes + 4 * CHANGES[i].word, &CHANGES[i].value, 4);
		if (load(&bytes, sizeof(bytes)) != -EBADMSG)
			fail_msg("word %zu as %#x is taken", CHANGES[i].word, CHANGES[i].value);
	}
}

static void other_bytes_are_refused_or_harmless(void **state)
{
	uint64_t random = 88172645463325252ULL;
	size_t taken = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		struct bytes bytes = sound();
		for (int flips = 0; flips < 1 + (i & 3); flips++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			((uint8_t *)&bytes)[random % sizeof(bytes)] ^=
				(uint8_t)(1u << (random >> 32 & 7));
		}
		taken += load(&bytes, sizeof(bytes)) == 0;
	}
	assert_in_range(taken, 1000, 190000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_table_is_loaded),
		cmocka_unit_test(rules_are_aligned_whatever_is_before_them),
		cmocka_unit_test(other_sizes_than_the_header_says_are_refused),
		cmocka_unit_test(what_would_be_read_outside_is_refused),
		cmocka_unit_test(other_bytes_are_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
