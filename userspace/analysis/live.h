/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The blocks that live at one moment of a capture, and what each event does to them.
 *
 * A block is known by (target, address): two targets may have blocks at one address. Events of one
 * target may arrive slightly out of their causal order where a call releases memory before its
 * event is made; the rules for that are at live_apply().
 */
#ifndef HEAPTRAIL_ANALYSIS_LIVE_H
#define HEAPTRAIL_ANALYSIS_LIVE_H

#include "analysis/blocks.h"
#include "capture/events.h"

/* Sums over all events so far. Bytes are those asked for. */
struct live_totals {
	uint64_t allocations, frees, reallocations, failed;
	uint64_t frees_of_unknown; /* blocks from before the capture, or copies of a parent's */
	uint64_t missed_frees;	   /* an address was given out again although its block was live */
	uint64_t allocated_bytes,
		freed_bytes;   /* a realloc frees the old size and allocates the new one */
	uint64_t ended_blocks; /* by exec; their bytes count as freed */
	uint64_t live_bytes, live_blocks;
	uint64_t peak_bytes, peak_time_ns;
	uint64_t carried_bytes, carried_blocks; /* lived when the segment began */
};

/*
 * What one event did: the block that the call released, the one that it allocated (a realloc
 * usually has both), and a stale one that was closed because its address was given out again. Each
 * is there where its claim holds.
 */
struct outcome {
	/* in one byte: whoever asks for several of them at once has to wait for no store */
	bool has_freed : 1, has_missed : 1, has_allocated : 1;
	bool was_unknown : 1; /* it released a block whose allocation was not seen */
	bool was_late : 1;    /* it released one that was closed before: its free was not missed */
	uint64_t missed_key, late_key; /* the same of a closing and of its late release */
	struct block freed, missed;
	const struct block *allocated; /* in the table, until that changes */
};

/* Did the call release a block, known or not? */
static inline bool outcome_has_release(const struct outcome *outcome)
{
	return outcome->has_freed || outcome->was_unknown || outcome->was_late;
}

struct live;

struct live *live_new(void);
void live_free(struct live *live);

/*
 * Applies one event. 0 or -ENOMEM.
 *
 * - An allocation at an address believed live closes the stale block: its free was missed.
 * - A realloc, and a realloc that freed, are told at their return, but release the old block
 * before. Another thread may have been given the address in between, and told so first: a block
 * that is younger than the call's entry is not the one it released, and the free that seemed missed
 * was not.
 * - A failed call changes nothing.
 */
int live_apply(struct live *live, const struct capture_event *event, uint32_t target,
	       struct outcome *outcome);

typedef void live_ended_fn(void *context, const struct block *block);

/*
 * The next event is of this program of the target. Where its last one was of an earlier program,
 * all its blocks have ended; each is told. Numbers only grow. 0 or -ENOMEM.
 */
int live_enter_program(struct live *live, uint32_t target, uint32_t program, live_ended_fn *ended,
		       void *context);

const struct live_totals *live_totals(const struct live *live);

/* What is allocated from here on has this tag. */
void live_set_tag(struct live *live, uint32_t tag);

/* To fetch ahead what the next events will ask for. */
const struct blocks *live_blocks(const struct live *live);

typedef void live_visit_fn(void *context, const struct block *block);

/* Each block that lives. */
void live_visit(const struct live *live, live_visit_fn *visit, void *context);

/* Each closing that a release may yet explain: an opaque key and the time of the last. */
typedef void live_missed_fn(void *context, uint64_t key, uint64_t time_ns);
void live_visit_missed(const struct live *live, live_missed_fn *visit, void *context);

/* As another segment was left. True: the block is in the table now, and was not. 0 or -ENOMEM. */
int live_restore(struct live *live, const struct block *block, uint64_t now_ns, bool *is_new);
int live_restore_missed(struct live *live, uint64_t key, uint64_t time_ns);

#endif
