/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A capture as questions see it: the tables of its records, the sums per stack, and the totals. It
 * is fed the chunks in file order; what they hold comes from a signed capture, but nothing here
 * relies on that.
 */
#ifndef HEAPTRAIL_ANALYSIS_MODEL_H
#define HEAPTRAIL_ANALYSIS_MODEL_H

#include "analysis/filter.h"
#include "analysis/processes.h"
#include "analysis/history.h"
#include "analysis/live.h"
#include "analysis/mapped.h"
#include "analysis/survivors.h"
#include "analysis/tags.h"
#include "analysis/timeline.h"
#include "base/block_event.h"
#include "base/map.h"
#include "capture/end.h"
#include "capture/format.h"
#include "capture/names.h"
#include "capture/records.h"

/* Sums of the blocks that one stack allocated. A realloc hands its block over to the realloc's
 * stack. What most events change comes first: it is two or three lines of the cache, not five. */
struct stack_sums {
	uint64_t peak_event; /* of the peak that at_peak_* are of, if the model has no later one */
	uint64_t live_bytes, live_blocks;
	uint64_t lifetime_us;		  /* of all blocks, those that are live included */
	uint64_t peak_bytes, most_blocks; /* live at one time */
	uint64_t allocated_bytes, allocations, frees;
	uint64_t ended,
		lifetime_ns; /* blocks that were freed or resized, and how long they lived in all */
	uint64_t last_ns, first_ns;
	uint64_t temporary; /* freed by the same thread, without another allocation of it in between
			     */
	uint64_t reallocations;
	uint64_t peak_blocks;			/* when peak_bytes were first reached */
	uint64_t at_peak_bytes, at_peak_blocks; /* live when most was of all stacks together */
	uint64_t grown, grown_from_bytes, grown_to_bytes; /* reallocations to a larger size */
	uint64_t longest_chain; /* of reallocations in a row of one block */
};

/* Blocks by size, or by how long they lived: of each power of two. */
#define BINS 65
struct size_bin {
	uint64_t allocations, allocated_bytes, live_blocks, live_bytes;
};

/* Sums of what one stack mapped. Bytes are whole pages, whether they are in memory or not. */
struct mapped_sums {
	uint64_t live_bytes, file_bytes, peak_bytes; /* file_bytes: of live_bytes, of files */
	uint64_t mapped_bytes, calls;
};

struct mapped_totals {
	struct mapped_sums sums;
	uint64_t mappings, unmappings, remappings, failed;
	uint64_t unmappings_of_unknown; /* of nothing that is known to be mapped */
	uint64_t peak_time_ns;
};

/* Has it allocated anything that this capture tells of? Its blocks may be from an earlier segment.
 */
static inline bool stack_sums_has_any(const struct stack_sums *sums)
{
	return sums->allocations || sums->reallocations || sums->frees || sums->live_blocks ||
	       sums->peak_bytes;
}

/* Of what allocators take for what is live (analysis/overhead.h). */
struct overhead_totals {
	uint64_t blocks, asked_bytes, chunk_bytes; /* of those that are known */
	uint64_t unknown_blocks;
};

struct stack {
	bool is_known; /* its record was there */
	uint8_t status;
	uint32_t frame_count;
	struct record_frame *frames; /* leaf first */
	struct history history;
	struct stack_sums sums;
	struct mapped_sums mapped;
	uint64_t overhead_bytes; /* of a summary; else overhead_find() has it */
};

struct thread_state {
	struct stack_sums sums;
	uint64_t last_allocation; /* its address; 0: none */
	uint64_t program; /* pid << 32 | number of the one whose call was its last; 0: of none */
};

/* A moment that a program told of. */
#define MARKERS_MAX 10000 /* that are kept */
struct marker {
	uint64_t time_ns;
	uint32_t thread;
	char *name;
};

/* A mark whose turn comes when so many events were fed. */
struct due_mark {
	uint64_t events;
	uint64_t time_ns;
	uint32_t thread, depth, tag;
	uint8_t what;
};

struct due_marks {
	struct due_mark *items;
	size_t count, next;
	uint64_t next_event; /* whose turn it is at; UINT64_MAX: there is none */
	uint64_t events;     /* that were fed */
};

struct model_module {
	struct module_record record;
	struct names **names; /* one per NAMES chunk of the module */
	size_t names_count;
};

typedef void model_event_fn(void *context, const struct block_event *event);

struct model {
	struct session_record session;
	struct target_record *targets;
	size_t target_count;
	struct cgroup_record *cgroups; /* by target's id */
	size_t cgroup_count;
	struct thread_record *threads; /* by id */
	size_t thread_count;
	struct model_module *modules; /* by id */
	size_t module_count;
	struct function_record *functions;
	size_t function_count;
	struct stack *stacks; /* by id; 0 is "no stack" */
	size_t stack_count;
	/* all bits, or none: then the sums of all stacks are one stack's, and so of threads */
	uint32_t sum_mask;
	struct counters_record counters;
	struct census_record *censuses; /* in the order in which they were taken */
	size_t census_count;
	struct end_record end;
	bool has_end;
	struct filter filter;
	/* its sums are a summary's: it knows no events, and nothing more is summed up */
	bool is_summary;
	bool is_resumed; /* it begins with a checkpoint, and is fed that one alone */
	struct overhead_totals overhead;  /* of a summary */
	struct live_totals filtered;	  /* of what passes the filter; a summary's */
	const struct live_totals *totals; /* those, or of all blocks */
	struct live_totals
		suppressed; /* of what would, but for its suppressions: allocated and live */
	/* what an earlier pass over the capture has found; 0: none was needed */
	uint64_t to_event, to_ns, end_ns;
	const struct survivors *survivors;     /* not the model's; NULL: not known */
	uint64_t seen, peak_event, peak_bytes; /* events so far; at which one most was live */
	struct size_bin sizes[BINS];
	uint64_t lifetimes[BINS];
	struct thread_state *thread_states; /* by thread */
	size_t thread_state_count;
	struct stack_sums function_sums[256]; /* by allocator function */
	struct tags tags;
	struct stack_sums *tag_sums; /* by tag; NULL, unless it has_tag_sums */
	size_t tag_sum_count;
	bool has_tag_sums;
	struct due_marks due, due_live; /* among events, and among the blocks of LIVE chunks */
	uint32_t live_tag;		/* of the latter */
	struct marker *markers;		/* the first MARKERS_MAX of those that pass */
	size_t marker_count;
	uint64_t markers_seen;		   /* that pass */
	uint64_t from_mark_ns, to_mark_ns; /* of the filter's; UINT64_MAX: not found */
	/* by thread, by stack and by tag: enum passes (model_passes.c), as far as it is known */
	uint8_t *thread_passes, *stack_passes, *tag_passes;
	size_t thread_passes_count, stack_passes_count, tag_passes_count;
	uint8_t function_passes[256]; /* the same by allocator function */
	struct map missed;	      /* of what passes: struct outcome's missed_key -> how many */
	struct live *live;
	struct mapped *mapped;
	struct mapped_totals mapped_totals;
	struct processes processes;
	struct timeline timeline;
	/* of the processes together, as far as that was looked at */
	struct timeline resident;
	uint64_t resident_count, resident_bytes, resident_peak_bytes; /* count: of looks */
	struct map resident_by_pid;				      /* pid + 1 -> bytes */
	uint64_t temporary, event_count, last_time_ns;
	uint64_t frees_of_inherited; /* of live_totals.frees_of_unknown: copies of a parent's blocks
				      */
	struct capture_event *events; /* decoded, one chunk's */
	bool has_failed;	      /* out of memory where nobody is told */
	model_event_fn *tell; /* each event that passes the filter; NULL: nobody wants to know */
	void *tell_context;
};

int model_open(struct model *model, const struct filter *filter);

/* One without a filter that is not fed what its summary sums up. 0 or -ENOMEM. */
int model_open_summary(struct model *model);

/*
 * Gives up what it knows of each stack, thread and process, for want of memory. Its totals, and
 * what lives, are as they were; the rest is no longer to be asked for. 0 or -ENOMEM.
 */
int model_merge(struct model *model);

/* Has the block's thread allocated nothing since? */
bool model_is_last(const struct model *model, const struct block *block);

/* One that will be fed the same once more, without the chunks that name frames: which stacks pass
 * the filter is known from the first time. 0 or -ENOMEM. */
int model_open_again(struct model *again, const struct model *model);

/* Sums by tag are wanted, too: to be said before anything is fed. 0 or -ENOMEM. */
int model_count_tags(struct model *model);

/* Sums of all blocks, or of those that pass the filter. */
const struct live_totals *model_totals(const struct model *model);

/* When it ended, as far as is known, since the recording, or its series, began. */
uint64_t model_end_ns(const struct model *model);

/* Nothing more happens until the end: timelines go on to there. */
void model_finish(struct model *model);

/* The second half of the time that is counted begins there: what a program does when it starts says
 * little about how it grows. */
uint64_t model_growth_from_ns(const struct model *model);

/* How much of a stack was live over time, by a model that is finished. How many points. */
size_t model_history(const struct model *model, const struct stack *stack,
		     struct timeline_point points[static HISTORY_MAX]);

/* Until when is counted: the end of the recording, or of what the filter lets through. */
uint64_t model_until_ns(const struct model *model);

/* The sums as they are then: in the model, some are brought up only when they next change. */
struct stack_sums model_sums(const struct model *model, const struct stack_sums *sums);

/* 0, -EBADMSG, -ENOMEM. */
int model_feed(struct model *model, enum chunk_type type, const void *raw, size_t size);

/* Those of an EVENTS chunk that was decoded elsewhere. The same. */
int model_feed_events(struct model *model, const struct capture_event *events, size_t count);

/* Names from elsewhere, as a NAMES chunk has them; they come before those of the capture. 0,
 * -EBADMSG, -ENOMEM. */
int model_name(struct model *model, uint32_t module, const void *payload, size_t size);

void model_close(struct model *model);

#endif
