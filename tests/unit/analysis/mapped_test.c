// SPDX-License-Identifier: GPL-2.0-or-later
/* Ranges that come, are cut and are replaced, against an array with an element for each page. */
#include "analysis/mapped.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGES	256
#define TARGETS 3
#define PAGE	4096ull
#define STACKS	9

struct page {
	uint32_t stack; /* 0: not mapped */
	uint64_t time_ns;
};

static struct page pages[TARGETS][PAGES];
static uint64_t live[STACKS + 1]; /* as the ranges say */

static void went(void *context, const struct range *range, uint64_t size)
{
	(void)context;
	assert_true(size > 0 && size <= range->size && size % PAGE == 0);
	assert_true(live[range->stack] >= size);
	live[range->stack] -= size;
}

static void remove_pages(struct mapped *mapped, uint32_t target, size_t from, size_t count,
			 uint64_t entry_ns)
{
	uint64_t known, expected = 0;

	for (size_t i = from; i < from + count && i < PAGES; i++)
		if (pages[target][i].stack && pages[target][i].time_ns <= entry_ns) {
			pages[target][i].stack = 0;
			expected += PAGE;
		}
	assert_int_equal(mapped_remove(mapped, target, from * PAGE, count * PAGE, entry_ns, went,
				       NULL, &known),
			 0);
	assert_int_equal(known, expected);
}

static void add_pages(struct mapped *mapped, uint32_t target, size_t from, size_t count,
		      uint32_t stack, uint64_t time_ns)
{
	struct range range = { .address = from * PAGE,
			       .size = count * PAGE,
			       .target = target,
			       .stack = stack,
			       .time_ns = time_ns };

	for (size_t i = from; i < from + count; i++)
		pages[target][i] = (struct page) { stack, time_ns };
	assert_int_equal(mapped_add(mapped, &range, went, NULL), 0);
	live[stack] += range.size;
}

static void compare(void)
{
	uint64_t expected[STACKS + 1] = { 0 };

	for (size_t t = 0; t < TARGETS; t++)
		for (size_t i = 0; i < PAGES; i++)
			if (pages[t][i].stack)
				expected[pages[t][i].stack] += PAGE;
	for (size_t i = 1; i <= STACKS; i++)
		assert_int_equal(live[i], expected[i]);
}

static void ranges_are_what_pages_are(void **state)
{
	unsigned seed = 3;

	(void)state;
	for (int round = 0; round < 20; round++) {
		struct mapped *mapped = mapped_new();
		assert_non_null(mapped);
		memset(pages, 0, sizeof(pages));
		memset(live, 0, sizeof(live));
		for (uint64_t time = 1; time < 2000; time++) {
			uint32_t target = (uint32_t)rand_r(&seed) % TARGETS;
			size_t from = (size_t)rand_r(&seed) % PAGES;
			size_t count = 1 + (size_t)rand_r(&seed) % 40;
			if (rand_r(&seed) % 2)
				/* now and then a call that began before some ranges came */
				remove_pages(mapped, target, from, count,
					     rand_r(&seed) % 3 ? time : time - time / 20);
			else
				add_pages(mapped, target, from,
					  from + count > PAGES ? PAGES - from : count,
					  1 + (uint32_t)rand_r(&seed) % STACKS, time);
			compare();
		}
		mapped_free(mapped);
	}
}

static void a_later_program_has_none_of_them(void **state)
{
	struct mapped *mapped = mapped_new();

	(void)state;
	memset(pages, 0, sizeof(pages));
	memset(live, 0, sizeof(live));
	add_pages(mapped, 1, 10, 5, 1, 1);
	add_pages(mapped, 2, 10, 5, 2, 1);
	assert_int_equal(mapped_enter_program(mapped, 1, 1, went, NULL), 0);
	assert_int_equal(live[1], 0);
	assert_int_equal(live[2], 5 * PAGE);
	add_pages(mapped, 1, 10, 5, 3, 2);
	/* it has come before */
	assert_int_equal(mapped_enter_program(mapped, 1, 1, went, NULL), 0);
	assert_int_equal(live[3], 5 * PAGE);
	mapped_free(mapped);
}

static void numbers_that_make_no_sense_are_bounded(void **state)
{
	static const uint64_t EDGES[] = { 0, 1, PAGE, INT64_MAX, UINT64_MAX - 1, UINT64_MAX };
	struct mapped *mapped = mapped_new();
	unsigned seed = 1;
	uint64_t known;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t address = EDGES[rand_r(&seed) % 6], size = EDGES[rand_r(&seed) % 6];
		if (rand_r(&seed) % 2)
			assert_int_equal(mapped_remove(mapped, 0, address, size, UINT64_MAX, NULL,
						       NULL, &known),
					 0);
		else
			assert_int_equal(
				mapped_add(mapped,
					   &(struct range) { .address = address, .size = size },
					   NULL, NULL),
				0);
	}
	mapped_free(mapped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_what_pages_are),
		cmocka_unit_test(a_later_program_has_none_of_them),
		cmocka_unit_test(numbers_that_make_no_sense_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
