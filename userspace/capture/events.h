/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events as the capture file holds them: one column per field, so that zstd finds what repeats.
 * The layout is documented in docs/capture-format.md ("EVENTS chunk").
 */
#ifndef HEAPTRAIL_CAPTURE_EVENTS_H
#define HEAPTRAIL_CAPTURE_EVENTS_H

#include "base/bytes.h"

enum capture_event_kind {
	CAPTURE_ALLOC = 1,
	CAPTURE_FREE = 2,
	CAPTURE_REALLOC = 3,
};

#define CAPTURE_EVENT_FAILED 1

struct capture_event {
	uint64_t
		time_ns; /* since the start of the capture; never decreases by much, may decrease */
	uint64_t address;
	uint64_t size;	      /* asked for; 0 for frees */
	uint64_t old_address; /* realloc only */
	uint32_t stack;	      /* id of a STACKS record; 0: none */
	uint32_t thread;      /* id of a THREADS record */
	uint32_t duration_ns; /* realloc only */
	uint8_t kind;
	uint8_t function; /* id of a FUNCTIONS record */
	uint8_t flags;
	uint8_t align_log2; /* 0: no alignment asked for */
};

/* Events in one chunk at most. */
#define CAPTURE_EVENTS_MAX 65536

/* Appends the columns of count events (1..CAPTURE_EVENTS_MAX) to out. Chunks do not depend on each
 * other. */
void capture_events_encode(struct bytes_buffer *out, const struct capture_event *events,
			   size_t count);

/*
 * Decodes one chunk's raw bytes into events[CAPTURE_EVENTS_MAX]. 0 and *count, or -EBADMSG where
 * the bytes are not a valid EVENTS payload. The bytes may be hostile.
 */
int capture_events_decode(const void *data, size_t size, struct capture_event *events,
			  size_t *count);

#endif
