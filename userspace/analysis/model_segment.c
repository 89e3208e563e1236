// SPDX-License-Identifier: GPL-2.0-or-later
/* What lived when a segment began: it is in the sums of what is live, and in no other. */
#include "analysis/model_parts.h"

static void add_to_filtered(struct model *model, const struct block *block)
{
	struct live_totals *totals = &model->filtered;

	totals->carried_bytes += block->size;
	totals->carried_blocks++;
	totals->live_bytes += block->size;
	totals->live_blocks++;
	if (totals->live_bytes > totals->peak_bytes) {
		totals->peak_bytes = totals->live_bytes;
		totals->peak_time_ns = model->session.begin_ns;
	}
}

static void add_to_suppressed(struct model *model, const struct block *block)
{
	model->suppressed.live_bytes += block->size;
	model->suppressed.live_blocks++;
}

static void tell(const struct model *model, const struct block *block)
{
	const struct thread_record *thread = model_thread(model, block->thread);
	const struct block_event told = { .kind = BLOCK_CARRIED,
					  .flags = BLOCK_EVENT_HAS_NEW,
					  .time_ns = block->time_ns,
					  .pid = thread->pid,
					  .tid = thread->tid,
					  .address = block->address,
					  .size = block->size,
					  .stack = block->stack,
					  .function = block->function,
					  .tag = block->tag };

	if (model->tell)
		model->tell(model->tell_context, &told);
}

static int restore_block(struct model *model, const struct capture_event *event, uint32_t tag)
{
	const struct thread_record *thread = model_thread(model, event->thread);
	uint32_t resizes = event->duration_ns / 2;
	const struct block block = { .address = event->address,
				     .size = event->size,
				     .time_ns = event->time_ns,
				     .target = thread->pid,
				     .stack = event->stack,
				     .thread = event->thread,
				     .resizes = resizes > UINT16_MAX ? UINT16_MAX
								     : (uint16_t)resizes,
				     .function = event->function,
				     .tag = tag };
	bool is_new = false;
	int err = model_reach_stack(model, event->stack);

	if (!err)
		err = model_reach_thread_state(model, event->thread);
	if (!err)
		err = model_enter_program(model, thread);
	if (!err)
		err = live_restore(model->live, &block, model->session.begin_ns, &is_new);
	if (err || !is_new)
		return err;
	/* the thread has allocated nothing since */
	if (event->kind == CAPTURE_REALLOC && event->duration_ns % 2 == 0)
		model_thread_state(model, event->thread)->last_allocation = event->address;
	if (model_block_is_suppressed(model, &block))
		add_to_suppressed(model, &block);
	if (!model_block_passes(model, &block))
		return 0;
	if (model->filter.is_set)
		add_to_filtered(model, &block);
	tell(model, &block);
	model_carry(model, &block);
	model_note_peak(model);
	return model->sum_mask ? processes_restore(&model->processes, thread->program, &block) : 0;
}

int model_restore(struct model *model, const struct capture_event *event)
{
	uint32_t tag = model_live_tag(model);

	if (!model_event_happened(model, event->time_ns))
		return 0;
	model->seen++;
	return event->kind == CAPTURE_FREE
		       ? live_restore_missed(model->live, event->address, event->time_ns)
		       : restore_block(model, event, tag);
}
