/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What allocators take for live blocks beyond what was asked for. A recording does not have it: it
 * is computed, for glibc's malloc, from how that lays out blocks (malloc/malloc.c: request2size,
 * sysmalloc_mmap); those of others are not known.
 */
#ifndef HEAPTRAIL_ANALYSIS_OVERHEAD_H
#define HEAPTRAIL_ANALYSIS_OVERHEAD_H

#include "analysis/model.h"

struct overhead {
	struct overhead_totals totals; /* known: glibc's */
	uint64_t *by_stack;	       /* bytes on top of those asked for; NULL: nothing is live */
};

/* Bytes that glibc takes of its heap for a block, its header included; address: where it begins. */
uint64_t overhead_chunk(uint64_t size, uint64_t address);

/* Of what is live and passes the filter. 0 or -ENOMEM. */
int overhead_find(struct model *model, struct overhead *overhead);

void overhead_free(struct overhead *overhead);

#endif
