// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that allocate and free: what each does to the sums. */
#include "analysis/model_parts.h"

static void end_filtered(struct model *model, const struct block *block)
{
	model->filtered.freed_bytes += block->size;
	model->filtered.live_bytes -= block->size;
	model->filtered.live_blocks--;
}

/* The same sums as live's, of what is left of the outcome. */
static void sum_filtered(struct model *model, const struct capture_event *event,
			 const struct outcome *outcome)
{
	struct live_totals *totals = &model->filtered;

	if (event->flags & CAPTURE_EVENT_FAILED) {
		totals->failed += model_call_passes(model, event->time_ns, event->thread);
		return;
	}
	if (outcome->has_freed)
		end_filtered(model, &outcome->freed);
	if (outcome->has_missed)
		end_filtered(model, &outcome->missed);
	totals->missed_frees += outcome->has_missed;
	totals->missed_frees -= outcome->was_late;
	totals->frees_of_unknown += outcome->was_unknown;
	if (event->kind == CAPTURE_FREE)
		totals->frees += outcome_has_release(outcome);
	if (!outcome->has_allocated)
		return;
	if (event->kind == CAPTURE_REALLOC)
		totals->reallocations++;
	else
		totals->allocations++;
	totals->allocated_bytes += outcome->allocated->size;
	totals->live_bytes += outcome->allocated->size;
	totals->live_blocks++;
	if (totals->live_bytes > totals->peak_bytes) {
		totals->peak_bytes = totals->live_bytes;
		totals->peak_time_ns = event->time_ns;
	}
}

/* 0 in the first, and each power of two begins another. */
static unsigned bin_of(uint64_t value)
{
	return value ? 64 - (unsigned)__builtin_clzll(value) : 0;
}

/* What was live at the last peak is noted at the first change after it, so that a peak costs
 * nothing by itself. */
static inline void note_at_peak(const struct model *model, struct stack_sums *sums)
{
	if (sums->peak_event == model->peak_event)
		return;
	sums->at_peak_bytes = sums->live_bytes;
	sums->at_peak_blocks = sums->live_blocks;
	sums->peak_event = model->peak_event;
}

uint64_t model_until_ns(const struct model *model)
{
	uint64_t end = model->to_event ? model->to_ns : model_end_ns(model);

	return end < model->filter.to_ns ? end : model->filter.to_ns;
}

void model_finish(struct model *model)
{
	const struct live_totals *totals = model_totals(model);

	model->has_failed |= model_apply_all_due(model) != 0;
	timeline_advance(&model->timeline, model_until_ns(model), totals->live_bytes,
			 totals->live_blocks);
	if (model->resident_count)
		timeline_advance(&model->resident, model_until_ns(model), model->resident_bytes, 0);
}

uint64_t model_growth_from_ns(const struct model *model)
{
	uint64_t begin = model->session.begin_ns, until = model_until_ns(model);

	if (model->filter.from_ns > begin)
		begin = model->filter.from_ns;
	return begin < until ? begin + (until - begin) / 2 : until;
}

size_t model_history(const struct model *model, const struct stack *stack,
		     struct timeline_point points[static HISTORY_MAX])
{
	return history_points(&stack->history, &model->timeline, stack->sums.live_bytes, points);
}

struct stack_sums model_sums(const struct model *model, const struct stack_sums *sums)
{
	struct stack_sums now = *sums;

	if (model->is_summary)
		return now;
	note_at_peak(model, &now);
	now.lifetime_us += now.live_blocks * (model_until_ns(model) / 1000);
	/* times may fall back a little, and blocks have lived for less */
	if (now.lifetime_us > INT64_MAX)
		now.lifetime_us = 0;
	return now;
}

/*
 * A block begins, in each of the sums that it counts in. Whatever is the same for all of them is
 * found once, and added without a branch where that is cheaper.
 */
struct beginning {
	uint64_t size, time_us; /* of the block */
	uint64_t told_ns;	/* when its event was */
	bool is_realloc;
};

/* A lifetime is the end less the beginning, which are added up as they come: unsigned numbers wrap,
 * so that what is negative meanwhile is right again at the end. */
static inline void add_live(const struct model *model, struct stack_sums *sums,
			    const struct beginning *beginning)
{
	note_at_peak(model, sums);
	sums->lifetime_us -= beginning->time_us;
	uint64_t bytes = sums->live_bytes + beginning->size, blocks = sums->live_blocks + 1;
	sums->live_bytes = bytes;
	sums->live_blocks = blocks;
	bool is_peak = bytes > sums->peak_bytes;
	sums->peak_bytes = is_peak ? bytes : sums->peak_bytes;
	sums->peak_blocks = is_peak ? blocks : sums->peak_blocks;
	sums->most_blocks = blocks > sums->most_blocks ? blocks : sums->most_blocks;
}

static inline void add_allocation(const struct model *model, struct stack_sums *sums,
				  const struct beginning *beginning)
{
	add_live(model, sums, beginning);
	if (!(sums->allocations | sums->reallocations))
		sums->first_ns = beginning->told_ns;
	sums->last_ns = beginning->told_ns;
	sums->allocated_bytes += beginning->size;
	sums->reallocations += beginning->is_realloc;
	sums->allocations += !beginning->is_realloc;
}

/* Before the stack's live_bytes change. */
static void note_history(struct model *model, struct stack *stack)
{
	if (stack->history.passed != model->timeline.passed &&
	    history_note(&stack->history, &model->timeline, stack->sums.live_bytes))
		model->has_failed = true;
}

/* A block counts in its stack, its thread, its allocator, and among those of its size. */
static void add_block(struct model *model, const struct capture_event *event,
		      const struct block *block)
{
	struct size_bin *bin = &model->sizes[bin_of(block->size)];
	const struct beginning beginning = { .size = block->size,
					     .time_us = block->time_ns / 1000,
					     .told_ns = event->time_ns,
					     .is_realloc = event->kind == CAPTURE_REALLOC };

	note_history(model, model_stack(model, block->stack));
	add_allocation(model, &model_stack(model, block->stack)->sums, &beginning);
	add_allocation(model, &model_thread_state(model, block->thread)->sums, &beginning);
	add_allocation(model, &model->function_sums[block->function], &beginning);
	if (model->has_tag_sums)
		add_allocation(model, &model->tag_sums[block->tag], &beginning);
	bin->allocations++;
	bin->allocated_bytes += block->size;
	bin->live_blocks++;
	bin->live_bytes += block->size;
}

void model_carry(struct model *model, const struct block *block)
{
	struct size_bin *bin = &model->sizes[bin_of(block->size)];
	const struct beginning beginning = { .size = block->size,
					     .time_us = block->time_ns / 1000 };

	note_history(model, model_stack(model, block->stack));
	add_live(model, &model_stack(model, block->stack)->sums, &beginning);
	add_live(model, &model_thread_state(model, block->thread)->sums, &beginning);
	add_live(model, &model->function_sums[block->function], &beginning);
	if (model->has_tag_sums)
		add_live(model, &model->tag_sums[block->tag], &beginning);
	bin->live_blocks++;
	bin->live_bytes += block->size;
}

static inline void add_resize(struct stack_sums *sums, const struct outcome *outcome)
{
	const struct block *from = &outcome->freed, *to = outcome->allocated;

	if (to->resizes > sums->longest_chain)
		sums->longest_chain = to->resizes;
	if (to->size <= from->size)
		return;
	sums->grown++;
	sums->grown_from_bytes += from->size;
	sums->grown_to_bytes += to->size;
}

/* A block was resized: who grows buffers step by step? */
static void count_resize(struct model *model, const struct outcome *outcome)
{
	const struct block *to = outcome->allocated;

	add_resize(&model_stack(model, to->stack)->sums, outcome);
	add_resize(&model_thread_state(model, to->thread)->sums, outcome);
	add_resize(&model->function_sums[to->function], outcome);
	if (model->has_tag_sums)
		add_resize(&model->tag_sums[to->tag], outcome);
}

enum block_end {
	ENDS_BY_FREE,
	ENDS_BY_REALLOC,
	ENDS_UNSEEN, /* with its program, or its free was missed: some time before */
};

/* What the end of a block adds to each of the sums that it counts in. */
struct ending {
	uint64_t size;
	uint64_t time_us;
	uint64_t seen, freed, temporary; /* 0 or 1 */
	uint64_t lifetime_ns;		 /* 0 unless its end was seen */
};

static inline void end_in(const struct model *model, struct stack_sums *sums,
			  const struct ending *ending)
{
	note_at_peak(model, sums);
	sums->live_bytes -= ending->size;
	sums->live_blocks--;
	sums->lifetime_us += ending->time_us;
	sums->frees += ending->freed;
	sums->ended += ending->seen;
	sums->lifetime_ns += ending->lifetime_ns;
	sums->temporary += ending->temporary;
}

static void remove_block(struct model *model, const struct block *block, enum block_end how,
			 uint64_t time_ns, bool is_temporary)
{
	struct size_bin *bin = &model->sizes[bin_of(block->size)];
	uint64_t lifetime_ns = time_ns > block->time_ns ? time_ns - block->time_ns : 0;
	const struct ending ending = { .size = block->size,
				       .time_us = time_ns / 1000,
				       .seen = how != ENDS_UNSEEN,
				       .freed = how == ENDS_BY_FREE,
				       .temporary = is_temporary,
				       .lifetime_ns = how != ENDS_UNSEEN ? lifetime_ns : 0 };

	note_history(model, model_stack(model, block->stack));
	end_in(model, &model_stack(model, block->stack)->sums, &ending);
	end_in(model, &model_thread_state(model, block->thread)->sums, &ending);
	end_in(model, &model->function_sums[block->function], &ending);
	if (model->has_tag_sums)
		end_in(model, &model->tag_sums[block->tag], &ending);
	bin->live_blocks--;
	bin->live_bytes -= block->size;
	model->lifetimes[bin_of(lifetime_ns)] += ending.seen;
	model->temporary += is_temporary;
}

/* heaptrack's definition: a free that directly follows the allocation of the same block. Another
 * thread may have freed that and been given its address: then the block is that one's. */
static bool is_temporary(const struct model *model, const struct capture_event *event,
			 const struct outcome *outcome)
{
	return event->kind == CAPTURE_FREE &&
	       model_thread_state(model, event->thread)->last_allocation == event->address &&
	       outcome->has_freed && outcome->freed.thread == event->thread;
}

static void end_suppressed(struct model *model, const struct block *block)
{
	model->suppressed.live_bytes -= block->size;
	model->suppressed.live_blocks--;
}

/* What is known and accepted is counted apart, so that nobody forgets that it is there. */
static void count_suppressed(struct model *model, const struct capture_event *event,
			     const struct outcome *outcome)
{
	if (outcome->has_freed && model_block_is_suppressed(model, &outcome->freed))
		end_suppressed(model, &outcome->freed);
	if (outcome->has_missed && model_block_is_suppressed(model, &outcome->missed))
		end_suppressed(model, &outcome->missed);
	if (!outcome->has_allocated || !model_block_is_suppressed(model, outcome->allocated))
		return;
	model->suppressed.allocated_bytes += outcome->allocated->size;
	model->suppressed.allocations += event->kind != CAPTURE_REALLOC;
	model->suppressed.live_bytes += outcome->allocated->size;
	model->suppressed.live_blocks++;
}

static void tell_end(const struct model *model, enum block_event_kind kind, uint64_t time_ns,
		     const struct block *block)
{
	const struct thread_record *thread = model_thread(model, block->thread);
	const struct block_event told = { .kind = kind,
					  .flags = BLOCK_EVENT_HAS_OLD,
					  .time_ns = time_ns,
					  .pid = thread->pid,
					  .tid = thread->tid,
					  .old_address = block->address,
					  .old_size = block->size,
					  .old_stack = block->stack };

	if (model->tell)
		model->tell(model->tell_context, &told);
}

static void end_block(void *context, const struct block *block)
{
	struct model *model = context;

	if (model_block_is_suppressed(model, block))
		end_suppressed(model, block);
	if (!model_block_passes(model, block))
		return;
	tell_end(model, BLOCK_ENDED, model->last_time_ns, block);
	if (model->filter.is_set) {
		end_filtered(model, block);
		model->filtered.ended_blocks++;
	}
	remove_block(model, block, ENDS_UNSEEN, model->last_time_ns, false);
	if (model->sum_mask)
		processes_end_block(&model->processes, block);
}

int model_enter_program(struct model *model, const struct thread_record *thread)
{
	int err;

	if (!thread->program)
		return 0;
	err = live_enter_program(model->live, thread->pid, thread->program, end_block, model);
	return err ? err : model_end_mappings(model, thread->pid, thread->program);
}

/* A late release is of a block that passed when it was closed. 0 or -ENOMEM. */
static int match_late(struct model *model, struct outcome *outcome)
{
	if (outcome->was_late) {
		uint64_t *count = map_get(&model->missed, outcome->late_key);
		outcome->was_late = count != NULL;
		if (count && !--*count)
			map_remove(&model->missed, outcome->late_key, NULL);
	}
	if (!outcome->has_missed)
		return 0;
	const uint64_t *count = map_get(&model->missed, outcome->missed_key);
	return map_put(&model->missed, outcome->missed_key, (count ? *count : 0) + 1);
}

/* Takes from the outcome what does not pass. 0 or -ENOMEM. */
static int narrow(struct model *model, const struct capture_event *event, struct outcome *outcome)
{
	count_suppressed(model, event, outcome);
	outcome->has_freed = outcome->has_freed && model_block_passes(model, &outcome->freed);
	outcome->has_missed = outcome->has_missed && model_block_passes(model, &outcome->missed);
	outcome->has_allocated = outcome->has_allocated &&
				 model_block_passes(model, outcome->allocated);
	outcome->was_unknown &= model_call_passes(model, event->time_ns, event->thread);
	int err = match_late(model, outcome);
	if (!err)
		sum_filtered(model, event, outcome);
	return err;
}

static enum block_event_kind kind_of(const struct capture_event *event)
{
	if (event->flags & CAPTURE_EVENT_FAILED)
		return BLOCK_FAILED;
	return event->kind == CAPTURE_FREE	? BLOCK_FREED
	       : event->kind == CAPTURE_REALLOC ? BLOCK_REALLOCATED
						: BLOCK_ALLOCATED;
}

/* What is left of the event and its outcome: what the sums count, no more and no less. */
static void tell(struct model *model, const struct capture_event *event,
		 const struct outcome *outcome, bool was_temporary)
{
	const struct thread_record *thread = model_thread(model, event->thread);
	enum block_event_kind kind = kind_of(event);
	struct block_event told = { .kind = kind,
				    .time_ns = event->time_ns,
				    .pid = thread->pid,
				    .tid = thread->tid,
				    .size = event->size,
				    .stack = event->stack,
				    .function = event->function,
				    .old_address = event->old_address };

	if (outcome->has_missed)
		tell_end(model, BLOCK_MISSED, event->time_ns, &outcome->missed);
	if (outcome->has_allocated) {
		told.flags |= BLOCK_EVENT_HAS_NEW;
		told.address = event->address;
		told.tag = outcome->allocated->tag;
	}
	if (kind == BLOCK_FREED)
		told.old_address = event->address;
	if (outcome->has_freed) {
		told.flags |= BLOCK_EVENT_HAS_OLD | (was_temporary ? BLOCK_EVENT_TEMPORARY : 0);
		told.old_size = outcome->freed.size;
		told.old_stack = outcome->freed.stack;
	}
	told.flags |= outcome->was_late ? BLOCK_EVENT_LATE : 0;
	if (told.flags || (kind == BLOCK_FREED && outcome->was_unknown) ||
	    (kind == BLOCK_FAILED && model_call_passes(model, event->time_ns, event->thread)))
		model->tell(model->tell_context, &told);
}

/* What the event refers to is there, and its thread's program has begun. 0, -ENOMEM, -EBADMSG. */
static int meet(struct model *model, const struct capture_event *event,
		const struct thread_record *thread)
{
	int err = model_reach_stack(model, event->stack);

	if (!err)
		err = model_reach_thread_state(model, event->thread);
	if (err || !thread->program)
		return err;
	/* to begin it once more does nothing */
	struct thread_state *state = model_thread_state(model, event->thread);
	uint64_t program = (uint64_t)thread->pid << 32 | thread->program;
	if (state->program == program)
		return 0;
	err = model_enter_program(model, thread);
	state->program = program;
	return err;
}

static int apply(struct model *model, const struct capture_event *event)
{
	const struct thread_record *thread = model_thread(model, event->thread);
	struct outcome outcome;

	if (!model_event_happened(model, event->time_ns))
		return 0;
	model->seen++;
	int err = meet(model, event, thread);
	timeline_advance(&model->timeline, event->time_ns, model->totals->live_bytes,
			 model->totals->live_blocks);
	if (model->tags.count)
		live_set_tag(model->live, tags_top(&model->tags, event->thread));
	if (!err)
		err = live_apply(model->live, event, thread->pid, &outcome);
	if (err)
		return err;
	/* whatever passes, it is the thread's last one */
	uint64_t last_allocation =
		outcome.has_allocated ? event->address
				      : model_thread_state(model, event->thread)->last_allocation;
	if (model->filter.is_set)
		err = narrow(model, event, &outcome);
	bool has_failed = event->flags & CAPTURE_EVENT_FAILED &&
			  model_call_passes(model, event->time_ns, event->thread);
	/* of a process of which nothing passes, there is no row */
	if (!err && model->sum_mask &&
	    (has_failed || outcome_has_release(&outcome) || outcome.has_missed ||
	     outcome.has_allocated))
		err = processes_apply(&model->processes, thread->pid, thread->program, event,
				      &outcome);
	if (err)
		return err;
	model->frees_of_inherited += outcome.was_unknown && thread->inherits;
	bool was_temporary = is_temporary(model, event, &outcome);
	if (model->tell)
		tell(model, event, &outcome, was_temporary);
	if (outcome.has_freed)
		remove_block(model, &outcome.freed,
			     event->kind == CAPTURE_FREE ? ENDS_BY_FREE : ENDS_BY_REALLOC,
			     event->time_ns, was_temporary);
	if (outcome.has_missed)
		remove_block(model, &outcome.missed, ENDS_UNSEEN, event->time_ns, false);
	if (outcome.has_allocated)
		add_block(model, event, outcome.allocated);
	if (event->kind == CAPTURE_REALLOC && outcome.has_freed && outcome.has_allocated)
		count_resize(model, &outcome);
	model_thread_state(model, event->thread)->last_allocation = last_allocation;
	model_note_peak(model);
	model->event_count++;
	if (event->time_ns > model->last_time_ns)
		model->last_time_ns = event->time_ns;
	return 0;
}

/*
 * Memory is slow, and what an event will ask for is known before its turn: first the slot of its
 * block, then the block, then the sums of the stack that allocated it.
 */
#define AHEAD_SLOT  24 /* events */
#define AHEAD_BLOCK 16
#define AHEAD_SUMS  8
#define AHEAD_MAX   32 /* a power of two */

static void look_ahead(const struct model *model, const struct blocks *blocks,
		       const struct capture_event *event, uint32_t hashes[static AHEAD_MAX],
		       size_t i)
{
	const struct capture_event *sums_of = event - (AHEAD_SLOT - AHEAD_SUMS);
	uint32_t hash = blocks_hash(model_thread(model, event->thread)->pid, event->address);

	blocks_prefetch_slot(blocks, hash);
	__builtin_prefetch(
		blocks_guess(blocks, hashes[(i - (AHEAD_SLOT - AHEAD_BLOCK)) % AHEAD_MAX]), 1);
	const struct block *block = blocks_guess(
		blocks, hashes[(i - (AHEAD_SLOT - AHEAD_SUMS)) % AHEAD_MAX]);
	const uint32_t *stack_of[] = { &sums_of->stack, &block->stack };
	uint32_t stack = *stack_of[sums_of->kind == CAPTURE_FREE];
	const char *sums =
		(const char *)&model->stacks[stack < model->stack_count ? stack : 0].history;
	__builtin_prefetch(sums, 1);
	__builtin_prefetch(sums + 64, 1);
	__builtin_prefetch(sums + 128, 1);
	hashes[i % AHEAD_MAX] = hash;
}

int model_feed_events(struct model *model, const struct capture_event *events, size_t count)
{
	const struct blocks *blocks = live_blocks(model->live);
	uint32_t hashes[AHEAD_MAX] = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		if (i >= AHEAD_SLOT && i + AHEAD_SLOT < count && blocks->slots)
			look_ahead(model, blocks, &events[i + AHEAD_SLOT], hashes, i + AHEAD_SLOT);
		if (model->due.events == model->due.next_event)
			err = model_apply_due(model);
		model->due.events++;
		if (!err)
			err = apply(model, &events[i]);
	}
	return err;
}
