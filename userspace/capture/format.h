/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTC1, the capture file: the constants and the fixed header, as docs/capture-format.md describes
 * them. All integers are little endian.
 */
#ifndef HEAPTRAIL_CAPTURE_FORMAT_H
#define HEAPTRAIL_CAPTURE_FORMAT_H

#include <stdint.h>

#define CAPTURE_MAGIC	     "HTCAP\r\n\x1a"
#define CAPTURE_VERSION	     1
#define CAPTURE_SUITE	     1 /* zstd, ChaCha20-Poly1305, BLAKE2b, Ed25519 */
#define CAPTURE_HEADER_BYTES 320
#define CAPTURE_SLOTS_MAX    65536
#define CAPTURE_KEY_BYTES    32
#define CAPTURE_RAW_MAX	     (4u << 20)
#define CAPTURE_CIPHER_MAX   (8u << 20)

/* What a chunk holds. The payload of each is in the file named after it. */
enum chunk_type {
	CHUNK_EVENTS = 1, /* capture/events.h */
	CHUNK_END = 2,	  /* capture/end.h: totals and the index; always last */
	CHUNK_STACKS = 3, /* capture/records.h, like the rest */
	CHUNK_MODULES = 4,
	CHUNK_TARGETS = 5,
	CHUNK_THREADS = 6,
	CHUNK_FUNCTIONS = 7, /* the allocator functions that were probed, and their sites */
	CHUNK_NAMES = 8,     /* capture/names.h */
	CHUNK_SESSION = 9,   /* how the recording was made */
	CHUNK_COUNTERS = 10, /* losses so far */
	CHUNK_CENSUS = 11,   /* what targets' allocators held */
	CHUNK_MAPPINGS = 12, /* calls that mapped and unmapped */
	CHUNK_LIVE = 13,     /* capture/events.h: blocks that lived when the segment began */
	CHUNK_MAPPED = 14,   /* what was mapped then */
	CHUNK_MEMORY = 15,   /* how much memory a process had */
	CHUNK_SUMMARY = 16,  /* analysis/summary.h: the sums of all events */
	CHUNK_MARKS = 17,    /* moments and scopes that programs told of */
	CHUNK_CGROUPS = 18,  /* which control groups targets were in */
	CHUNK_CHECKPOINT = 19, /* what lived at one moment; who reads everything passes over it */
};

enum capture_state {
	CAPTURE_COMPLETE = 0,
	CAPTURE_INCOMPLETE = 3, /* a valid prefix: the recorder was killed, or the file was cut */
	CAPTURE_TAMPERED = 4,
};

struct capture_header {
	uint8_t bytes[CAPTURE_HEADER_BYTES]; /* as in the file */
	uint8_t capture_id[16];
	uint8_t series_id[16];
	uint32_t segment;     /* of the series, from 0 */
	uint8_t previous[32]; /* the chain of the segment before, after its last chunk */
	uint8_t salt[32];
	uint8_t commitment[32];
	uint8_t host_pk[32];
	uint8_t capture_pk[32];
	uint8_t boot_id[16];
	uint64_t created_unix;
};

#endif
