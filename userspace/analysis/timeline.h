/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How much was live over time, in at most TIMELINE_MAX points at equal distances, whatever the
 * length of the recording: when they are full, every second one goes, and the distance doubles.
 */
#ifndef HEAPTRAIL_ANALYSIS_TIMELINE_H
#define HEAPTRAIL_ANALYSIS_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMELINE_MAX  256
#define HISTORY_EVERY 4 /* which of its points are those of histories, too (history.h) */

struct timeline_point {
	uint64_t time_ns, live_bytes, live_blocks;
};

struct timeline {
	uint64_t start_ns;    /* of the first point */
	uint64_t interval_ns; /* 0: nothing yet */
	size_t count;
	uint64_t passed; /* points of histories in all, those that went, too */
	struct timeline_point points[TIMELINE_MAX]; /* point i: at start_ns + i * interval_ns */
};

/* Adds the points up to time_ns, whose turn has come. */
void timeline_fill(struct timeline *timeline, uint64_t time_ns, uint64_t live_bytes,
		   uint64_t live_blocks);

/* Before what happens at time_ns: until then these were live. Times may fall back a little. */
static inline void timeline_advance(struct timeline *timeline, uint64_t time_ns,
				    uint64_t live_bytes, uint64_t live_blocks)
{
	if (time_ns >= timeline->start_ns &&
	    timeline->count * timeline->interval_ns <= time_ns - timeline->start_ns)
		timeline_fill(timeline, time_ns, live_bytes, live_blocks);
}

/* A line through the points from from_ns on, by least squares. */
struct growth {
	double bytes_per_s, error_bytes_per_s; /* the slope and its standard error */
	size_t points;
};

/* False: there are fewer than eight points, or all are at one moment. */
bool timeline_fit(const struct timeline_point *points, size_t count, uint64_t from_ns,
		  struct growth *growth);

#endif
