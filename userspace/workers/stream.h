/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pipe from tracer to writer: frames of one type each. It blocks when the writer is behind;
 * then the ring fills, and what no longer fits is counted in the kernel.
 */
#ifndef HEAPTRAIL_WORKERS_STREAM_H
#define HEAPTRAIL_WORKERS_STREAM_H

#include "bpf/event.h"
#include "workers/protocol.h"

#define STREAM_FRAME_MAX (16u << 20)
#define STREAM_BATCH_MAX (256u << 10) /* bytes of ring records in one frame */

enum stream_type {
	STREAM_SESSION = 1, /* struct stream_session, first of all */
	STREAM_TARGET,	    /* struct tracer_target */
	STREAM_MODULE,	    /* struct stream_module, before any frame or site names it */
	STREAM_SITE,	    /* struct stream_site */
	STREAM_EVENTS,	 /* ring records (bpf/event.h), one after the other; frames name modules */
	STREAM_COUNTERS, /* struct stream_counters */
	STREAM_NAMES,	 /* struct stream_names, then a names payload */
	STREAM_CENSUS,	 /* struct stream_census */
	STREAM_MEMORY,	 /* struct stream_memory */
	STREAM_SEGMENT,	 /* struct stream_segment: another segment may begin; what came has names */
	STREAM_END,	 /* struct stream_end, last of all */
};

struct stream_frame {
	uint32_t type;
	uint32_t size; /* of what follows */
};

struct stream_session {
	uint64_t start_ns;	/* CLOCK_MONOTONIC: events' times count from here */
	uint64_t start_unix_ns; /* the same moment */
	uint32_t has_free_stacks;
	uint32_t is_sampled; /* by the targets themselves */
	char mode[24];
};

struct stream_module {
	uint32_t id;
	uint32_t build_id_size;
	uint8_t build_id[BUILD_ID_MAX];
	uint64_t inode, size_bytes;
	char path[1024];
	char note[128]; /* why it has no sites or names */
};

struct stream_site {
	uint32_t module;
	uint32_t reserved;
	struct probe_site site;
};

struct stream_counters {
	uint64_t time_ns;
	struct event_counters sums;
};

struct stream_census {
	uint64_t time_ns;
	struct census_taken taken;
};

struct stream_names {
	uint32_t module;
	uint32_t is_passing; /* the next ones of this module stand for themselves: names may change
			      */
};

struct stream_segment {
	uint64_t time_ns;
};

struct stream_memory {
	uint64_t time_ns;
	struct memory_seen seen;
};

struct stream_end {
	uint64_t time_ns;
	char reason[32];
};

#endif
