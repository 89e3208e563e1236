// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/overhead.h"

#include "analysis/allocators.h"
#include "analysis/model_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRACES_MIN 8 /* blocks that might have told otherwise, and did not */

static const char *path_of(const struct model *model, const struct function_record *function)
{
	return function->module < model->module_count ? model->modules[function->module].record.path
						      : NULL;
}

/* Whose malloc it is: glibc's, or of what takes its place. NULL: not known, or of several. */
static const struct allocator *find_allocator(const struct model *model)
{
	const struct allocator *found = NULL;

	for (size_t i = 0; i < model->function_count; i++) {
		const struct allocator *other = allocator_of_module(
			path_of(model, &model->functions[i]));
		if (!other || other == found)
			continue;
		if (found && found != ALLOCATOR_GLIBC && other != ALLOCATOR_GLIBC)
			return NULL;
		if (!found || found == ALLOCATOR_GLIBC)
			found = other;
	}
	return found;
}

const char *overhead_allocator(const struct model *model)
{
	const struct allocator *found = find_allocator(model);

	return found ? allocator_name(found) : NULL;
}

struct looking {
	struct model *model;
	struct overhead *overhead;
	const struct allocator *allocator;
	bool is_known[256]; /* by function: its blocks are the allocator's */
	size_t fitting;
	bool is_refuted;
};

/* Every module that has a function of this id is the allocator, or glibc, whose malloc it takes the
 * place of, or asks malloc. */
static void find_functions(struct looking *looking)
{
	const struct model *model = looking->model;
	bool is_other[256] = { false };

	looking->allocator = find_allocator(model);
	for (size_t i = 0; looking->allocator && i < model->function_count; i++) {
		const struct function_record *function = &model->functions[i];
		const char *path = path_of(model, function);
		if (function->id > 255)
			continue;
		if ((!allocator_of_module(path) && !allocator_is_asked_by(path)) ||
		    !allocator_knows(looking->allocator, function->name))
			is_other[function->id] = true;
		else
			looking->is_known[function->id] = true;
	}
	for (size_t i = 0; i < 256; i++)
		looking->is_known[i] &= !is_other[i];
}

static void look_at_trace(void *context, const struct block *block)
{
	struct looking *looking = context;

	if (!looking->is_known[block->function])
		return;
	enum allocator_trace trace = allocator_trace(looking->allocator, block->size,
						     block->address);
	looking->fitting += trace == TRACE_FITS;
	looking->is_refuted |= trace == TRACE_FITS_NOT;
}

/*
 * Which of two mallocs a process has called, nothing has recorded: one that is loaded besides
 * glibc's usually is the one, but not if glibc comes first, nor in another process of the same
 * recording. Addresses tell.
 */
static void check_allocator(struct looking *looking)
{
	if (!looking->allocator || looking->allocator == ALLOCATOR_GLIBC)
		return;
	live_visit(looking->model->live, look_at_trace, looking);
	if (looking->is_refuted || looking->fitting < TRACES_MIN)
		memset(looking->is_known, 0, sizeof(looking->is_known));
}

static void add_block(void *context, const struct block *block)
{
	struct looking *looking = context;
	struct overhead *overhead = looking->overhead;

	if (!model_block_passes(looking->model, block))
		return;
	if (!looking->is_known[block->function]) {
		overhead->totals.unknown_blocks++;
		return;
	}
	uint64_t chunk = allocator_chunk(looking->allocator, block->size, block->address);
	overhead->totals.blocks++;
	overhead->totals.asked_bytes += block->size;
	overhead->totals.chunk_bytes += chunk;
	overhead->by_stack[block->stack] += chunk - block->size;
}

int overhead_find(struct model *model, struct overhead *overhead)
{
	struct looking looking = { .model = model, .overhead = overhead };

	*overhead = (struct overhead) { 0 };
	/* sizes of samples are what these stand for */
	if (!model->stack_count || model->session.sampling_bytes)
		return 0;
	overhead->by_stack = calloc(model->stack_count, sizeof(*overhead->by_stack));
	if (!overhead->by_stack)
		return -ENOMEM;
	if (model->is_summary) {
		overhead->totals = model->overhead;
		for (size_t i = 0; i < model->stack_count; i++)
			overhead->by_stack[i] = model->stacks[i].overhead_bytes;
		return 0;
	}
	find_functions(&looking);
	check_allocator(&looking);
	live_visit(model->live, add_block, &looking);
	return 0;
}

void overhead_free(struct overhead *overhead)
{
	free(overhead->by_stack);
	*overhead = (struct overhead) { 0 };
}
