// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/history.h"

#include <errno.h>
#include <stdlib.h>

static size_t count_in(const struct timeline *timeline)
{
	return (timeline->count + HISTORY_EVERY - 1) / HISTORY_EVERY;
}

/* The timeline's intervals have doubled since: every second point goes. */
static size_t thin_out(uint64_t *points, size_t count, uint64_t interval_ns, uint64_t wanted_ns)
{
	for (; interval_ns && interval_ns < wanted_ns; interval_ns *= 2) {
		for (size_t i = 0; points && 2 * i < count; i++)
			points[i] = points[2 * i];
		count = (count + 1) / 2;
	}
	return count;
}

static int make_points(struct history *history)
{
	if (!history->live_bytes)
		history->live_bytes = calloc(HISTORY_MAX, sizeof(*history->live_bytes));
	return history->live_bytes ? 0 : -ENOMEM;
}

void history_restore(struct history *history, const struct timeline *timeline)
{
	history->count = count_in(timeline);
	history->interval_ns = timeline->interval_ns;
	history->passed = timeline->passed;
}

int history_restore_points(struct history *history, const struct timeline *timeline)
{
	history_restore(history, timeline);
	return make_points(history);
}

int history_note(struct history *history, const struct timeline *timeline, uint64_t live_bytes)
{
	size_t count = count_in(timeline);

	if (live_bytes && make_points(history))
		return -ENOMEM;
	size_t known = thin_out(history->live_bytes, history->count, history->interval_ns,
				timeline->interval_ns);
	for (size_t i = known; history->live_bytes && i < count; i++)
		history->live_bytes[i] = live_bytes;
	history->count = count;
	history->interval_ns = timeline->interval_ns;
	history->passed = timeline->passed;
	return 0;
}

size_t history_points(const struct history *history, const struct timeline *timeline,
		      uint64_t live_bytes, struct timeline_point points[static HISTORY_MAX])
{
	uint64_t noted[HISTORY_MAX] = { 0 };
	size_t count = count_in(timeline);

	for (size_t i = 0; history->live_bytes && i < history->count; i++)
		noted[i] = history->live_bytes[i];
	size_t known = thin_out(noted, history->count, history->interval_ns, timeline->interval_ns);
	for (size_t i = known; i < count; i++)
		noted[i] = live_bytes;
	for (size_t i = 0; i < count; i++)
		points[i] = (struct timeline_point) {
			.time_ns = timeline->points[i * HISTORY_EVERY].time_ns,
			.live_bytes = noted[i],
		};
	return count;
}

void history_free(struct history *history)
{
	free(history->live_bytes);
	*history = (struct history) { 0 };
}
