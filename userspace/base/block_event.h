/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one call did to blocks, in order: as the reader tells it to whoever asks for events. */
#ifndef HEAPTRAIL_BASE_BLOCK_EVENT_H
#define HEAPTRAIL_BASE_BLOCK_EVENT_H

#include "base/bytes.h"

enum block_event_kind {
	BLOCK_ALLOCATED = 1,
	BLOCK_REALLOCATED,
	BLOCK_FREED,
	BLOCK_FAILED,  /* the call returned no block; size is what was asked for */
	BLOCK_MISSED,  /* its address is about to be given out again: its free was not seen */
	BLOCK_ENDED,   /* with its program, by exec */
	BLOCK_CARRIED, /* it lived when the segment began: before all others */
};

#define BLOCK_EVENT_HAS_NEW   1
#define BLOCK_EVENT_HAS_OLD   2 /* the block that ends is known, and passes the filter */
#define BLOCK_EVENT_TEMPORARY 4 /* it was its thread's last allocation */
#define BLOCK_EVENT_LATE      8 /* it ended as BLOCK_MISSED, before this was told */

struct block_event {
	uint64_t time_ns;
	uint32_t pid, tid;
	uint8_t kind, flags;
	uint64_t address, size; /* of the new block */
	uint32_t stack;
	uint8_t function;		/* of the allocator, that was called */
	uint32_t tag;			/* of the new block; 0: none */
	const char *tag_name;		/* known to whoever asks, and not told with each */
	uint64_t old_address, old_size; /* of the one that ends */
	uint32_t old_stack;		/* that allocated it */
};

void block_event_put(struct bytes_buffer *out, const struct block_event *event);

/* False at the end, or on what is none (in->failed says which). */
bool block_event_get(struct bytes_reader *in, struct block_event *event);

#endif
