/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each traced process did and holds: sums by pid and by the program that it ran, since exec
 * begins with an empty heap. */
#ifndef HEAPTRAIL_ANALYSIS_PROCESSES_H
#define HEAPTRAIL_ANALYSIS_PROCESSES_H

#include "analysis/live.h"
#include "base/map.h"

/* Bytes are those asked for. frees counts calls of the process, of blocks from before, too. */
struct process {
	uint32_t pid, program; /* program: as its threads' records have it */
	uint64_t allocations, frees, reallocations, failed;
	uint64_t allocated_bytes, live_bytes, live_blocks, peak_bytes;
	uint64_t first_ns, last_ns; /* of its events */
	bool is_last;		    /* program of its pid */
};

struct processes {
	struct process *items; /* in the order of their first events */
	size_t count;
	struct map indexes; /* pid + 1 -> index of its last program */
	size_t latest;	    /* index of the one that was found last */
};

/* The last program of the pid. NULL: it had no event. */
struct process *processes_find(const struct processes *processes, uint32_t pid);

/* One event of the process and what it did. 0 or -ENOMEM. */
int processes_apply(struct processes *processes, uint32_t pid, uint32_t program,
		    const struct capture_event *event, const struct outcome *outcome);

/* A block of this program lived when the segment began. 0 or -ENOMEM. */
int processes_restore(struct processes *processes, uint32_t program, const struct block *block);

/* A block ended without an event of its own. */
void processes_end_block(struct processes *processes, const struct block *block);

/* One whose sums are known already. 0 or -ENOMEM. */
int processes_add(struct processes *processes, const struct process *process);

void processes_free(struct processes *processes);

#endif
