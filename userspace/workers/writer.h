/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the writer worker share. */
#ifndef HEAPTRAIL_WORKERS_WRITER_H
#define HEAPTRAIL_WORKERS_WRITER_H

#include "analysis/live.h"
#include "base/map.h"
#include "capture/end.h"
#include "capture/records.h"
#include "capture/write.h"
#include "workers/stream.h"

struct writer {
	int file, stream;
	int tracer; /* pidfd: of what it leaves unread, all is counted once it has ended */
	const struct event_counters *counters; /* the kernel's, which outlive the tracer */
	uint32_t cpu_count;
	struct capture_writer *capture;
	int error; /* of the first write that failed: nothing more is written but the end */
	uint64_t start_ns, tick_ns;
	uint64_t frame_ns; /* when the tracer's last frame came */
	/* waiting to be written */
	struct capture_event *events; /* CAPTURE_EVENTS_MAX */
	size_t event_count;
	struct bytes_buffer targets, modules, functions, threads, stacks, mappings;
	size_t mapping_count;
	/* ids */
	struct map stack_ids;  /* hash -> id << 1 | its record was written */
	struct map thread_ids; /* pid << 32 | tid -> program << 32 | id */
	struct map programs;   /* pid + 1 -> program << 32 | the kernel's number for it */
	uint32_t stack_count, thread_count, target_count;
	/* totals */
	struct live *live;
	uint64_t events_written, events_discarded;
	struct event_counters sums; /* as the kernel counted last */
	uint64_t lost;		    /* all reasons of these together */
};

/* writer_counters.c: takes what the kernel counted, and writes it. */
void writer_counters(struct writer *writer, uint64_t time_ns, const struct event_counters *sums);

/* The tracer has ended without saying so: what was told to it and did not come is lost. */
void writer_count_unread(struct writer *writer);

/* Ring records, one after the other. */
void writer_events(struct writer *writer, const uint8_t *records, size_t size);

/* Writes everything that waits, records before the events that name them. */
void writer_flush(struct writer *writer);

/* One chunk; trouble is kept in writer->error. */
void writer_append(struct writer *writer, enum chunk_type type, const struct bytes_buffer *payload);

#endif
