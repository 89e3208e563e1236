/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The blocks that are live at the end of one pass over a capture, for the next pass to know them.
 */
#ifndef HEAPTRAIL_ANALYSIS_SURVIVORS_H
#define HEAPTRAIL_ANALYSIS_SURVIVORS_H

#include "analysis/live.h"

struct survivors {
	struct survivor {
		uint64_t address; /* 0: a free slot */
		uint64_t time_ns;
		uint32_t target;
	} * slots;
	size_t capacity; /* a power of two, at least twice as many as there are; 0: nothing is live
			  */
};

/* 0 or -ENOMEM. */
int survivors_find(const struct live *live, struct survivors *survivors);

/* Is it one of them? */
bool survivors_have(const struct survivors *survivors, const struct block *block);

void survivors_free(struct survivors *survivors);

#endif
