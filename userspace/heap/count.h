/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts the blocks of a process's heap, while it runs: sizes and numbers, no contents. The process
 * may change what is being read at any time, and whatever its memory holds, time and memory of the
 * count are bounded.
 */
#ifndef HEAPTRAIL_HEAP_COUNT_H
#define HEAPTRAIL_HEAP_COUNT_H

#include "base/census.h"
#include "heap/memory.h"
#include "heap/regions.h"

/* Adds the blocks of every copy of glibc that has allocated any. deadline_ns: CLOCK_MONOTONIC; what
 * is not read by then is unread. */
void count_heap(struct memory *memory, const struct regions *regions, uint64_t deadline_ns,
		struct census *census);

/* Adds what the text of /proc/PID/smaps_rollup says. */
void count_resident(const char *text, struct census *census);

#endif
