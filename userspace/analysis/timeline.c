// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/timeline.h"

#include <math.h>

#define FIRST_INTERVAL_NS 1000000
#define POINTS_MIN	  8
#define CORRELATION_MAX	  0.99

static void thin_out(struct timeline *timeline)
{
	for (size_t i = 0; i < TIMELINE_MAX / 2; i++)
		timeline->points[i] = timeline->points[2 * i];
	timeline->count = TIMELINE_MAX / 2;
	timeline->interval_ns *= 2;
}

void timeline_fill(struct timeline *timeline, uint64_t time_ns, uint64_t live_bytes,
		   uint64_t live_blocks)
{
	if (!timeline->interval_ns)
		timeline->interval_ns = FIRST_INTERVAL_NS;
	while (timeline->count * timeline->interval_ns <= time_ns - timeline->start_ns) {
		if (timeline->count == TIMELINE_MAX) {
			/* a time from a damaged capture must not cost more than its logarithm */
			if (timeline->interval_ns > UINT64_MAX / 4 / TIMELINE_MAX)
				return;
			thin_out(timeline);
			continue;
		}
		timeline->points[timeline->count] = (struct timeline_point) {
			timeline->start_ns + timeline->count * timeline->interval_ns, live_bytes,
			live_blocks
		};
		timeline->passed += timeline->count % HISTORY_EVERY == 0;
		timeline->count++;
	}
}

bool timeline_fit(const struct timeline_point *points, size_t count, uint64_t from_ns,
		  struct growth *growth)
{
	double mean_x = 0, mean_y = 0, xx = 0, xy = 0, residual = 0, next = 0, before = 0;
	size_t first = 0, n;

	while (first < count && points[first].time_ns < from_ns)
		first++;
	n = count - first;
	if (n < POINTS_MIN)
		return false;
	for (size_t i = first; i < count; i++) {
		mean_x += (double)points[i].time_ns / 1e9 / (double)n;
		mean_y += (double)points[i].live_bytes / (double)n;
	}
	for (size_t i = first; i < count; i++) {
		double x = (double)points[i].time_ns / 1e9 - mean_x;
		xx += x * x;
		xy += x * ((double)points[i].live_bytes - mean_y);
	}
	/* all at one moment: only a damaged capture has these */
	if (!(xx > 0))
		return false;
	growth->bytes_per_s = xy / xx;
	for (size_t i = first; i < count; i++) {
		double x = (double)points[i].time_ns / 1e9 - mean_x;
		double off = (double)points[i].live_bytes - mean_y - growth->bytes_per_s * x;
		residual += off * off;
		next += off * before;
		before = off;
	}
	/*
	 * What is live at one moment is mostly what was live at the one before: so many points tell
	 * less than as many that do not depend on each other, and a random walk would be called
	 * growth. The error is that of the number of independent points that they are worth, n (1 -
	 * r) / (1 + r) with r the residuals' correlation with the next (Bartlett 1935), which n
	 * points behind a line tell as (2 + 4 r) / n too little (Kendall 1954).
	 */
	double correlation = residual > 0 ? fmax(next / residual, 0) : 0;
	correlation = fmin(correlation + (2 + 4 * correlation) / (double)n, CORRELATION_MAX);
	growth->error_bytes_per_s = sqrt(residual / (double)(n - 2) / xx) *
				    sqrt((1 + correlation) / (1 - correlation));
	growth->points = n;
	return true;
}
