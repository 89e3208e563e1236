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
	totals->frees_of_unknown += outcome->was_unknown;
	if (event->kind == CAPTURE_FREE)
		totals->frees += outcome->has_freed || outcome->was_unknown;
	if (!outcome->has_allocated)
		return;
	if (event->kind == CAPTURE_REALLOC)
		totals->reallocations++;
	else
		totals->allocations++;
	totals->allocated_bytes += outcome->allocated.size;
	totals->live_bytes += outcome->allocated.size;
	totals->live_blocks++;
	if (totals->live_bytes > totals->peak_bytes) {
		totals->peak_bytes = totals->live_bytes;
		totals->peak_time_ns = event->time_ns;
	}
}

static void add_to_stack(struct model *model, const struct capture_event *event,
			 const struct outcome *outcome)
{
	struct stack_sums *sums = &model->stacks[event->stack].sums;

	sums->live_bytes += outcome->allocated.size;
	sums->live_blocks++;
	sums->allocated_bytes += outcome->allocated.size;
	if (event->kind == CAPTURE_REALLOC)
		sums->reallocations++;
	else
		sums->allocations++;
	if (sums->live_bytes > sums->peak_bytes)
		sums->peak_bytes = sums->live_bytes;
	if (sums->allocations + sums->reallocations == 1)
		sums->first_ns = event->time_ns;
	sums->last_ns = event->time_ns;
}

static struct stack_sums *remove_from_stack(struct model *model, const struct block *block)
{
	struct stack_sums *sums = &model->stacks[block->stack].sums;

	sums->live_bytes -= block->size;
	sums->live_blocks--;
	return sums;
}

/* heaptrack's definition: a free that directly follows the allocation of the same block. Another
 * thread may have freed that and been given its address: then the block is that one's. */
static bool is_temporary(const struct model *model, const struct capture_event *event,
			 const struct outcome *outcome)
{
	const uint64_t *last = map_get(&model->last_allocation, (uint64_t)event->thread + 1);

	return event->kind == CAPTURE_FREE && last && *last == event->address &&
	       outcome->has_freed && outcome->freed.thread == event->thread;
}

static void end_block(void *context, const struct block *block)
{
	struct model *model = context;

	if (!model_block_passes(model, block))
		return;
	if (model->filter.is_set) {
		end_filtered(model, block);
		model->filtered.ended_blocks++;
	}
	remove_from_stack(model, block);
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

/* Takes from the outcome what does not pass. */
static void narrow(struct model *model, const struct capture_event *event, struct outcome *outcome)
{
	outcome->has_freed &= model_block_passes(model, &outcome->freed);
	outcome->has_missed &= model_block_passes(model, &outcome->missed);
	outcome->has_allocated &= model_block_passes(model, &outcome->allocated);
	outcome->was_unknown &= model_call_passes(model, event->time_ns, event->thread);
	sum_filtered(model, event, outcome);
}

int model_apply(struct model *model, const struct capture_event *event)
{
	const struct thread_record *thread = model_thread(model, event->thread);
	struct outcome outcome;

	if (event->time_ns > model->filter.to_ns)
		return 0;
	const struct live_totals *now = model_totals(model);
	timeline_advance(&model->timeline, event->time_ns, now->live_bytes, now->live_blocks);
	int err = model_reach((void **)&model->stacks, &model->stack_count, sizeof(*model->stacks),
			event->stack);

	if (!err)
		err = model_enter_program(model, thread);
	if (!err)
		err = live_apply(model->live, event, thread->pid, &outcome);
	if (!err && model->filter.is_set)
		narrow(model, event, &outcome);
	/* of a process of which nothing passes, there is no row */
	if (!err && (!model->filter.is_set || outcome.has_freed || outcome.has_missed ||
		     outcome.has_allocated || model_call_passes(model, event->time_ns, event->thread)))
		err = processes_apply(&model->processes, thread->pid, thread->program, event,
				      &outcome);
	if (err)
		return err;
	model->frees_of_inherited += outcome.was_unknown && thread->inherits;
	bool was_temporary = is_temporary(model, event, &outcome);
	if (outcome.has_freed) {
		struct stack_sums *sums = remove_from_stack(model, &outcome.freed);
		sums->frees += event->kind == CAPTURE_FREE;
		sums->temporary += was_temporary;
		model->temporary += was_temporary;
	}
	if (outcome.has_missed)
		remove_from_stack(model, &outcome.missed);
	if (outcome.has_allocated) {
		add_to_stack(model, event, &outcome);
		err = map_put(&model->last_allocation, (uint64_t)event->thread + 1, event->address);
	} else if (was_temporary) {
		map_remove(&model->last_allocation, (uint64_t)event->thread + 1, NULL);
	}
	model->event_count++;
	if (event->time_ns > model->last_time_ns)
		model->last_time_ns = event->time_ns;
	return err;
}
