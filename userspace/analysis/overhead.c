// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/overhead.h"

#include "analysis/model_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER	       8u
#define ALIGNMENT      16u
#define CHUNK_MIN      32u
#define PAGE	       4096u
#define MAPPED_MIN     (128u << 10) /* M_MMAP_THRESHOLD as it is at first; it only grows */
#define SIZE_MAX_MEANT (1ull << 47) /* larger ones are of a capture that makes no sense */

uint64_t overhead_chunk(uint64_t size, uint64_t address)
{
	if (size > SIZE_MAX_MEANT)
		return size;
	/* one with a mapping of its own begins behind two words at the start of a page */
	if (size >= MAPPED_MIN && address % PAGE == 2 * HEADER)
		return (size + 2 * HEADER + PAGE - 1) / PAGE * PAGE;
	uint64_t chunk = (size + HEADER + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	return chunk < CHUNK_MIN ? CHUNK_MIN : chunk;
}

/* libc.so.6, libc-2.31.so: musl's is named otherwise. */
static bool is_glibc(const struct model *model, uint32_t module)
{
	const char *path = module < model->module_count ? model->modules[module].record.path : NULL;
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && (strcmp(slash, "/libc.so.6") == 0 || strncmp(slash, "/libc-2.", 8) == 0);
}

/* The function's name is of the C library, and every module that has one of this id is glibc. */
static void find_functions(const struct model *model, bool is_known[static 256])
{
	bool is_other[256] = { false };

	for (size_t i = 0; i < model->function_count; i++) {
		const struct function_record *function = &model->functions[i];
		if (function->id < 256 && is_glibc(model, function->module))
			is_known[function->id] = true;
		else if (function->id < 256)
			is_other[function->id] = true;
	}
	for (size_t i = 0; i < 256; i++)
		is_known[i] &= !is_other[i];
}

struct looking {
	struct model *model;
	struct overhead *overhead;
	bool is_known[256];
};

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
	uint64_t chunk = overhead_chunk(block->size, block->address);
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
	find_functions(model, looking.is_known);
	live_visit(model->live, add_block, &looking);
	return 0;
}

void overhead_free(struct overhead *overhead)
{
	free(overhead->by_stack);
	*overhead = (struct overhead) { 0 };
}
