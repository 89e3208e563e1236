/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much of one stack was live over time, in at most HISTORY_MAX points: every HISTORY_EVERY-th
 * of the model's timeline, at the same moments. They are noted at the first change that follows
 * them, so that what does not change costs nothing; and where nothing was live yet, there is
 * nothing.
 */
#ifndef HEAPTRAIL_ANALYSIS_HISTORY_H
#define HEAPTRAIL_ANALYSIS_HISTORY_H

#include "analysis/timeline.h"

#define HISTORY_MAX (TIMELINE_MAX / HISTORY_EVERY)

struct history {
	uint64_t *live_bytes; /* HISTORY_MAX of them; NULL: all 0 */
	uint64_t interval_ns; /* the timeline's when the last one was noted */
	size_t count;
	uint64_t passed; /* the timeline's then: where it is the same, there is nothing to note */
};

/* Before a change: until now so much was live. 0 or -ENOMEM. */
int history_note(struct history *history, const struct timeline *timeline, uint64_t live_bytes);

/* All points until now, of which live_bytes is what has been live since the last change. How many.
 */
size_t history_points(const struct history *history, const struct timeline *timeline,
		      uint64_t live_bytes, struct timeline_point points[static HISTORY_MAX]);

/* Of a summary: everything until now is known, and is 0; or will be stored by the caller. The
 * latter: 0 or -ENOMEM. */
void history_restore(struct history *history, const struct timeline *timeline);
int history_restore_points(struct history *history, const struct timeline *timeline);

void history_free(struct history *history);

#endif
