// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/answer_parts.h"

#include <stdlib.h>

static void set_sums(json_t *object, const struct mapped_sums *sums)
{
	json_object_set_new(object, "live_bytes", answer_number(sums->live_bytes));
	json_object_set_new(object, "file_bytes", answer_number(sums->file_bytes));
	json_object_set_new(object, "peak_bytes", answer_number(sums->peak_bytes));
	json_object_set_new(object, "mapped_bytes", answer_number(sums->mapped_bytes));
	json_object_set_new(object, "calls", answer_number(sums->calls));
}

/* Most live first, then most mapped; ids settle the rest. */
static int by_live_bytes(const void *a, const void *b, void *model)
{
	const struct stack *stacks = ((const struct model *)model)->stacks;
	uint32_t left_id = *(const uint32_t *)a, right_id = *(const uint32_t *)b;
	const struct mapped_sums *left = &stacks[left_id].mapped, *right = &stacks[right_id].mapped;

	if (left->live_bytes != right->live_bytes)
		return left->live_bytes < right->live_bytes ? 1 : -1;
	if (left->mapped_bytes != right->mapped_bytes)
		return left->mapped_bytes < right->mapped_bytes ? 1 : -1;
	return left_id < right_id ? -1 : left_id > right_id;
}

static json_t *rows(const struct model *model, size_t limit)
{
	uint32_t *ids = malloc((model->stack_count + 1) * sizeof(*ids));
	json_t *rows = json_array();
	size_t count = 0, weight = 0;

	for (size_t i = 0; ids && i < model->stack_count; i++)
		if (model->stacks[i].mapped.calls || model->stacks[i].mapped.peak_bytes)
			ids[count++] = (uint32_t)i;
	if (ids)
		qsort_r(ids, count, sizeof(*ids), by_live_bytes, (void *)model);
	for (size_t i = 0; i < count && (!limit || i < limit) && weight < ANSWER_WEIGHT_MAX; i++) {
		const struct stack *stack = &model->stacks[ids[i]];
		json_t *row = json_pack("{s:I, s:s}", "id", (json_int_t)ids[i], "status",
					answer_status(stack));
		set_sums(row, &stack->mapped);
		json_object_set_new(row, "frames", answer_frames(model, stack, &weight));
		json_array_append_new(rows, row);
	}
	free(ids);
	return rows;
}

json_t *answer_mapped(const struct model *model, size_t limit)
{
	const struct mapped_totals *totals = &model->mapped_totals;
	json_t *mapped = json_object();

	set_sums(mapped, &totals->sums);
	json_object_del(mapped, "calls");
	json_object_set_new(mapped, "peak_time_ns", answer_number(totals->peak_time_ns));
	json_object_set_new(mapped, "mappings", answer_number(totals->mappings));
	json_object_set_new(mapped, "unmappings", answer_number(totals->unmappings));
	json_object_set_new(mapped, "remappings", answer_number(totals->remappings));
	json_object_set_new(mapped, "failed", answer_number(totals->failed));
	json_object_set_new(mapped, "unmap_of_unknown",
			    answer_number(totals->unmappings_of_unknown));
	json_object_set_new(mapped, "rows", rows(model, limit));
	return mapped;
}
