// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that map and unmap: sums of their own, beside those of the allocators' blocks. */
#include "analysis/model_parts.h"

static void add_live(struct mapped_sums *sums, const struct range *range)
{
	sums->live_bytes += range->size;
	sums->file_bytes += range->is_file ? range->size : 0;
	if (sums->live_bytes > sums->peak_bytes)
		sums->peak_bytes = sums->live_bytes;
}

static void add(struct mapped_sums *sums, const struct range *range)
{
	add_live(sums, range);
	sums->mapped_bytes += range->size;
	sums->calls++;
}

static void take_away(struct mapped_sums *sums, const struct range *range, uint64_t size)
{
	sums->live_bytes -= size;
	sums->file_bytes -= range->is_file ? size : 0;
}

static void went(void *context, const struct range *range, uint64_t size)
{
	struct model *model = context;

	if (!range->passes)
		return;
	take_away(&model->mapped_totals.sums, range, size);
	take_away(&model_stack(model, range->stack)->mapped, range, size);
}

int model_end_mappings(struct model *model, uint32_t target, uint32_t program)
{
	return mapped_enter_program(model->mapped, target, program, went, model);
}

/* Whether a range passes is settled when it comes: what is left of one that is cut is as it was. */
static bool passes(struct model *model, const struct mapping_record *record)
{
	return model_block_passes(model, &(struct block) { .address = record->address,
							   .size = record->size,
							   .time_ns = record->time_ns,
							   .stack = record->stack,
							   .thread = record->thread,
							   .function = record->function });
}

static struct range new_range(struct model *model, uint32_t target,
			      const struct mapping_record *record)
{
	return (struct range) { .address = record->address,
				.size = record->size,
				.time_ns = record->time_ns,
				.target = target,
				.stack = record->stack,
				.thread = record->thread,
				.is_file = record->flags & MAPPING_OF_FILE,
				.passes = passes(model, record) };
}

static int map(struct model *model, uint32_t target, const struct mapping_record *record)
{
	struct mapped_totals *totals = &model->mapped_totals;
	struct range range = new_range(model, target, record);
	uint64_t peak = totals->sums.peak_bytes;
	int err = mapped_add(model->mapped, &range, went, model);

	if (err || !range.passes)
		return err;
	if (record->old_size)
		totals->remappings++;
	else
		totals->mappings++;
	add(&totals->sums, &range);
	add(&model_stack(model, range.stack)->mapped, &range);
	if (totals->sums.peak_bytes > peak)
		totals->peak_time_ns = record->time_ns;
	return 0;
}

int model_apply_mapping(struct model *model, const struct mapping_record *record)
{
	const struct thread_record *thread = model_thread(model, record->thread);
	struct mapped_totals *totals = &model->mapped_totals;
	uint64_t known = 0;

	if (!model_happened(model, record->time_ns))
		return 0;
	if (record->time_ns > model->last_time_ns)
		model->last_time_ns = record->time_ns;
	int err = model_reach_stack(model, record->stack);

	if (!err)
		err = model_enter_program(model, thread);
	if (err)
		return err;
	if (record->flags & MAPPING_FAILED) {
		totals->failed += model_call_passes(model, record->time_ns, record->thread);
		return 0;
	}
	uint64_t entry_ns = record->time_ns > record->duration_ns
				    ? record->time_ns - record->duration_ns
				    : 0;
	if (record->old_size)
		err = mapped_remove(model->mapped, thread->pid, record->old_address,
				    record->old_size, entry_ns, went, model, &known);
	if (!err && record->size)
		return map(model, thread->pid, record);
	if (!err && model_call_passes(model, record->time_ns, record->thread)) {
		totals->unmappings++;
		totals->unmappings_of_unknown += !known;
	}
	return err;
}

int model_restore_mapping(struct model *model, const struct mapping_record *record)
{
	const struct thread_record *thread = model_thread(model, record->thread);
	struct mapped_sums *sums = &model->mapped_totals.sums;

	if (!model_happened(model, record->time_ns) || !record->size)
		return 0;
	int err = model_reach_stack(model, record->stack);

	if (!err)
		err = model_enter_program(model, thread);
	if (err)
		return err;
	struct range range = new_range(model, thread->pid, record);
	err = mapped_add(model->mapped, &range, went, model);
	if (err || !range.passes)
		return err;
	add_live(sums, &range);
	add_live(&model_stack(model, range.stack)->mapped, &range);
	model->mapped_totals.peak_time_ns = model->session.begin_ns;
	return 0;
}
