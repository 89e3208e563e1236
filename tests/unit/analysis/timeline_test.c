// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/timeline.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct timeline timeline;

static int set_up(void **state)
{
	(void)state;
	timeline = (struct timeline) { 0 };
	return 0;
}

/* Whatever the length: at least half of the points, at equal distances, each what was live just
 * before. */
static void points_are_what_was_live_whatever_the_length(void **state)
{
	(void)state;
	for (uint64_t step = 1000; step < 1000000000000; step *= 7) {
		timeline = (struct timeline) { 0 };
		for (uint64_t i = 0; i < 5000; i++)
			timeline_advance(&timeline, i * step, i, 2 * i);
		assert_true(timeline.count <= TIMELINE_MAX);
		if (5000 * step > 400000000)
			assert_true(timeline.count >= TIMELINE_MAX / 2 - 1);
		for (size_t i = 0; i < timeline.count; i++) {
			const struct timeline_point *point = &timeline.points[i];
			assert_int_equal(point->time_ns, i * timeline.interval_ns);
			/* the event at time t tells what was live before it: the first at or after
			 * the point */
			assert_int_equal(point->live_bytes, (point->time_ns + step - 1) / step);
			assert_int_equal(point->live_blocks, 2 * point->live_bytes);
		}
	}
}

static void times_that_fall_back_or_make_no_sense_do_no_harm(void **state)
{
	(void)state;
	timeline_advance(&timeline, 5000000, 1, 1);
	timeline_advance(&timeline, 1000000, 2, 2);
	assert_int_equal(timeline.count, 6);
	timeline_advance(&timeline, UINT64_MAX, 3, 3);
	timeline_advance(&timeline, 0, 4, 4);
	timeline_advance(&timeline, UINT64_MAX, 5, 5);
	assert_true(timeline.count <= TIMELINE_MAX);
}

static void a_line_is_fitted_with_its_error(void **state)
{
	struct growth growth;

	(void)state;
	for (uint64_t i = 0; i < 200; i++)
		timeline_advance(&timeline, i * 1000000, 5000 + i * 100, 1);
	assert_true(timeline_fit(timeline.points, timeline.count, 100000000, &growth));
	assert_int_equal(growth.points, 100);
	/* 100 bytes per ms */
	assert_true(fabs(growth.bytes_per_s - 100000) < 1e-3);
	assert_true(growth.error_bytes_per_s < 1e-3);
	/* a saw has no slope beyond its error */
	timeline = (struct timeline) { 0 };
	for (uint64_t i = 0; i < 200; i++)
		timeline_advance(&timeline, i * 1000000, i % 10 * 1000, 1);
	assert_true(timeline_fit(timeline.points, timeline.count, 0, &growth));
	assert_true(fabs(growth.bytes_per_s) < 2 * growth.error_bytes_per_s);
	assert_false(timeline_fit(timeline.points, timeline.count, 195000000, &growth));
}

/* Each point is the one before and some more or less: most such walks lie far from where they
 * began. */
static void a_random_walk_is_seldom_four_errors_steep(void **state)
{
	uint64_t random = 1;
	int steep = 0;

	(void)state;
	for (int walk = 0; walk < 200; walk++) {
		struct growth growth;
		uint64_t live = 1 << 20;
		timeline = (struct timeline) { 0 };
		for (uint64_t i = 0; i < 200; i++) {
			random = random * 6364136223846793005 + 1442695040888963407;
			live += random >> 54;
			live -= 512;
			timeline_advance(&timeline, i * 1000000, live, 1);
		}
		assert_true(timeline_fit(timeline.points, timeline.count, 0, &growth));
		steep += fabs(growth.bytes_per_s) >= 4 * growth.error_bytes_per_s;
	}
	print_message("%d of 200 walks are steep\n", steep);
	assert_true(steep <= 30);
}

/* As where a damaged capture says again and again that it began. */
static void no_line_goes_through_points_of_one_moment(void **state)
{
	struct growth growth;

	(void)state;
	for (uint64_t i = 0; i < 16; i++) {
		timeline.start_ns = 1000000000 - i * 1000000;
		timeline_advance(&timeline, 1000000000, i, 1);
	}
	assert_int_equal(timeline.count, 16);
	assert_false(timeline_fit(timeline.points, timeline.count, 0, &growth));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(points_are_what_was_live_whatever_the_length, set_up),
		cmocka_unit_test_setup(times_that_fall_back_or_make_no_sense_do_no_harm, set_up),
		cmocka_unit_test_setup(a_line_is_fitted_with_its_error, set_up),
		cmocka_unit_test_setup(a_random_walk_is_seldom_four_errors_steep, set_up),
		cmocka_unit_test_setup(no_line_goes_through_points_of_one_moment, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
