// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROWS 3

/* Some rows that change now and then, for so long that points are thinned out many times. */
static void histories_add_up_to_the_timeline_at_every_moment(void **state)
{
	static struct timeline timeline;
	struct history histories[ROWS] = { 0 };
	uint64_t live[ROWS] = { 0 }, time_ns = 0;
	struct timeline_point points[ROWS][HISTORY_MAX];
	unsigned seed = 3;

	(void)state;
	memset(&timeline, 0, sizeof(timeline));
	for (int i = 0; i < 30000; i++) {
		int row = rand_r(&seed) % ROWS;
		/* the last one is live at no point: it takes no memory */
		uint64_t next = row == ROWS - 1 ? 0 : (uint64_t)rand_r(&seed) % 1000;
		time_ns += (uint64_t)rand_r(&seed) % (i % 1000 ? 300000 : 90000000);
		timeline_advance(&timeline, time_ns, live[0] + live[1] + live[2], 0);
		assert_int_equal(history_note(&histories[row], &timeline, live[row]), 0);
		live[row] = next;
		if (i % 97)
			continue;
		size_t count = 0;
		for (int k = 0; k < ROWS; k++)
			count = history_points(&histories[k], &timeline, live[k], points[k]);
		assert_int_equal(count, (timeline.count + HISTORY_EVERY - 1) / HISTORY_EVERY);
		for (size_t p = 0; p < count; p++) {
			const struct timeline_point *whole = &timeline.points[p * HISTORY_EVERY];
			assert_int_equal(points[0][p].time_ns, whole->time_ns);
			assert_int_equal(points[0][p].live_bytes + points[1][p].live_bytes +
						 points[2][p].live_bytes,
					 whole->live_bytes);
		}
	}
	assert_true(timeline.interval_ns > 8000000);
	assert_null(histories[ROWS - 1].live_bytes);
	for (int k = 0; k < ROWS; k++)
		history_free(&histories[k]);
}

static void what_did_not_change_since_is_still_live(void **state)
{
	static struct timeline timeline;
	struct timeline_point points[HISTORY_MAX];
	struct history history = { 0 };

	(void)state;
	memset(&timeline, 0, sizeof(timeline));
	timeline_advance(&timeline, 0, 0, 0);
	assert_int_equal(history_note(&history, &timeline, 0), 0);
	timeline_advance(&timeline, 10000000000, 7, 1);
	size_t count = history_points(&history, &timeline, 7, points);
	assert_true(count > HISTORY_MAX / 2 && count <= HISTORY_MAX);
	assert_int_equal(points[0].live_bytes, 0);
	for (size_t i = 1; i < count; i++)
		assert_int_equal(points[i].live_bytes, 7);
	history_free(&history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories_add_up_to_the_timeline_at_every_moment),
		cmocka_unit_test(what_did_not_change_since_is_still_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
