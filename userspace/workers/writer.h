/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the writer worker share. */
#ifndef HEAPTRAIL_WORKERS_WRITER_H
#define HEAPTRAIL_WORKERS_WRITER_H

#include "analysis/model.h"
#include "analysis/summary.h"
#include "base/map.h"
#include "capture/end.h"
#include "capture/records.h"
#include "capture/write.h"
#include "workers/stream.h"

/* Of more stacks, or threads, there is no summary: the sums of each take half a kilobyte. */
#define WRITER_SUMMED_MAX (1u << 17)

/* Payloads of one type, each at most a chunk. */
struct kept {
	struct bytes_buffer *pieces;
	size_t count;
};

/* A record as it is in a chunk. */
struct kept_record {
	uint8_t *bytes; /* NULL: it is not there */
	uint32_t size;
	uint32_t segment; /* in which it was written, or used, last */
	bool is_missing;  /* used, and has not come yet */
};

/* A recording in segments. Only is_on counts where it is not. */
struct series {
	bool is_on;
	uint64_t bytes_max, age_max_ns; /* of a segment; 0: any */
	uint32_t segment;		/* from 1 */
	uint64_t begin_ns;		/* of the segment, by the clock */
	uint64_t begin_bytes;		/* what it began with */
	bool is_full;			/* and the command was told */
	bool is_due;			/* all that it needs has come, but for stacks */
	uint64_t due_ns, due_clock_ns;
	struct kept kept[CHUNK_CGROUPS + 1];  /* by type of chunk */
	struct kept_record *stacks, *threads; /* by id */
	size_t stack_count, thread_count, stack_bytes, missing_stacks;
	struct stream_session session;
	uint64_t events_before, discarded_before, emitted_before; /* in earlier segments */
	struct counters_record counted_before; /* the sums when the segment began */
};

struct writer {
	int file, stream;
	struct writer_start start;
	int tracer; /* pidfd: of what it leaves unread, all is counted once it has ended */
	const struct event_counters *counters; /* the kernel's, which outlive the tracer */
	uint32_t cpu_count;
	struct capture_writer *capture;
	int error; /* of the first write that failed: nothing more is written but the end */
	uint64_t start_ns, tick_ns;
	uint64_t frame_ns; /* when the tracer's last frame came */
	/* waiting to be written */
	struct capture_event *events; /* CAPTURE_EVENTS_MAX */
	size_t event_count, events_max;
	struct bytes_buffer targets, cgroups, modules, functions, threads, stacks, mappings, marks;
	size_t mapping_count, mark_count;
	bool has_marks; /* there were any */
	/* ids */
	struct map stack_ids;  /* hash -> id << 1 | its record was written */
	struct map thread_ids; /* pid << 32 | tid -> program << 32 | id */
	struct map programs;   /* pid + 1 -> program << 32 | the kernel's number for it */
	uint32_t stack_count, thread_count, target_count;
	/* Of this segment, as who reads it will see it: it is fed what is written. Of what the disk
	 * did not take, it knows more. */
	struct model model;
	bool is_merged; /* it sums up no stack by itself, and there will be no summary */
	/* where a reader can begin: of this segment */
	struct checkpoint *checkpoints;
	size_t checkpoint_count;
	uint64_t events_at_checkpoint; /* of events_written, when the last one was made */
	uint64_t earliest_ns;	       /* of the times that were told since then */
	uint64_t latest_ns;	       /* of all */
	uint64_t events_written, events_discarded;
	struct counters_record counted; /* as the kernel counted them last */
	struct series series;
};

/* writer_counters.c: takes what the kernel counted, and writes it. */
void writer_counters(struct writer *writer, uint64_t time_ns, const struct event_counters *sums);

/* The sums since the segment began; those lost among them, for all reasons. */
struct counters_record writer_counted_in_segment(const struct writer *writer);
uint64_t writer_lost(const struct counters_record *counted);

/* The tracer has ended without saying so: what was told to it and did not come is lost. */
void writer_count_unread(struct writer *writer);

/* writer_marks.c: a moment, or a step into or out of a scope. */
void writer_mark(struct writer *writer, const struct event_mark *mark, uint32_t thread);

/* The thread is at its beginning, and in so many scopes: another has had its number before. */
void writer_restart_thread(struct writer *writer, uint32_t thread,
			   const struct event_thread *record);

/* What a segment begins with: that the next block of a LIVE chunk, and those behind it, have this
 * tag; and, last, the scopes that threads are in, as the model of the one before knows them. */
void writer_put_block_tag(struct writer *writer, const char *tag);
void writer_put_scopes(struct writer *writer, const struct model *before);

/* Ring records, one after the other. */
void writer_events(struct writer *writer, const uint8_t *records, size_t size);

/* Writes everything that waits, records before the events that name them. */
void writer_flush(struct writer *writer);

/* Records that wait become a chunk. */
void writer_flush_records(struct writer *writer, enum chunk_type type,
			  struct bytes_buffer *records);

/* One chunk, into the file and the model; trouble is kept in writer->error. */
void writer_append(struct writer *writer, enum chunk_type type, const struct bytes_buffer *payload);

/* --- writer_live.c --- */

/* What lives in this model, of the segment before: it is what the next one begins with. */
void writer_put_live(struct writer *writer, const struct model *model);

/* After a flush: what lives now, where many events have come since it was written last. */
void writer_put_checkpoint_if_due(struct writer *writer);

/* Nothing more comes: what is after each of them is known. */
void writer_end_checkpoints(struct writer *writer);

/* An event, or what is like one, was told of that time. */
static inline void writer_note_time(struct writer *writer, uint64_t time_ns)
{
	if (time_ns < writer->earliest_ns)
		writer->earliest_ns = time_ns;
	if (time_ns > writer->latest_ns)
		writer->latest_ns = time_ns;
}

/* --- writer_series.c; without segments these do nothing --- */

void series_start(struct writer *writer, const struct writer_start *start);

/* Is it time for another segment, and the command not told yet? */
bool series_is_full(const struct writer *writer);

/* This payload was written, and is what every segment begins with. */
void series_keep(struct writer *writer, enum chunk_type type, const struct bytes_buffer *payload);

/* This record waits to be written. */
void series_keep_stack(struct writer *writer, uint32_t id, const uint8_t *record, size_t size);
void series_keep_thread(struct writer *writer, uint32_t id, const uint8_t *record, size_t size);

/* An event names it: its record is written again where this segment has none. */
void series_use_stack(struct writer *writer, uint32_t id);
void series_use_thread(struct writer *writer, uint32_t id);

/* Writes what the segment, whose session was written, begins with; before: the one before it. */
void series_begin_segment(struct writer *writer, const struct model *before);

#endif
