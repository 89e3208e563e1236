/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What allocators take for live blocks beyond what was asked for. A recording does not have it: it
 * is computed, where it is known how the allocator lays out blocks (analysis/allocators.h).
 */
#ifndef HEAPTRAIL_ANALYSIS_OVERHEAD_H
#define HEAPTRAIL_ANALYSIS_OVERHEAD_H

#include "analysis/model.h"

struct overhead {
	struct overhead_totals totals;
	uint64_t *by_stack; /* bytes on top of those asked for; NULL: nothing is live */
};

/* Whose malloc that is, if it is known of any block. NULL: nobody's. */
const char *overhead_allocator(const struct model *model);

/* Of what is live and passes the filter. 0 or -ENOMEM. */
int overhead_find(struct model *model, struct overhead *overhead);

void overhead_free(struct overhead *overhead);

#endif
