// SPDX-License-Identifier: GPL-2.0-or-later
/* What passes the filter. */
#include "analysis/frames.h"
#include "analysis/model_parts.h"
#include "base/suppressions.h"
#include "base/glob.h"

#include <stdio.h>
#include <string.h>

enum passes {
	NOT_LOOKED_AT = 0,
	PASSES,
	PASSES_NOT,
	SUPPRESSED, /* it would pass */
};

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool frame_passes(const struct model *model, const struct record_frame *frame,
			 bool *has_function, bool *has_module)
{
	struct named_frame names[NAMES_INLINE_MAX];
	size_t count = frame_names(model, frame, names);

	for (size_t i = 0; i < count; i++) {
		*has_function |= glob_matches(model->filter.function, names[i].function);
		*has_module |= glob_matches(model->filter.module, file_name(names[i].module));
	}
	return *has_function && *has_module;
}

static bool frame_is_suppressed(const struct model *model, const struct record_frame *frame)
{
	struct named_frame names[NAMES_INLINE_MAX];
	size_t count = frame_names(model, frame, names);
	const char *patterns = model->filter.suppressed;

	for (size_t i = 0; i < count; i++)
		if (suppressions_match(patterns, names[i].function) ||
		    suppressions_match(patterns, names[i].file) ||
		    suppressions_match(patterns, names[i].module))
			return true;
	return false;
}

/* Is any frame of what is asked not to be there? */
static bool frame_is_excluded(const struct model *model, const struct record_frame *frame)
{
	const struct filter *filter = &model->filter;
	struct named_frame names[NAMES_INLINE_MAX];
	size_t count = frame_names(model, frame, names);

	for (size_t i = 0; i < count; i++)
		if ((filter->not_function[0] &&
		     glob_matches(filter->not_function, names[i].function)) ||
		    (filter->not_module[0] &&
		     glob_matches(filter->not_module, file_name(names[i].module))))
			return true;
	return false;
}

static bool stack_is_excluded(const struct model *model, const struct stack *stack)
{
	if (!model->filter.not_function[0] && !model->filter.not_module[0])
		return false;
	for (uint32_t i = 0; i < stack->frame_count; i++)
		if (frame_is_excluded(model, &stack->frames[i]))
			return true;
	return false;
}

static enum passes look_at_stack(const struct model *model, uint32_t id)
{
	bool has_function = !model->filter.function[0], has_module = !model->filter.module[0];

	if (id >= model->stack_count)
		return has_function && has_module ? PASSES : PASSES_NOT;
	const struct stack *stack = &model->stacks[id];
	for (uint32_t i = 0; i < stack->frame_count && !(has_function && has_module); i++)
		(void)frame_passes(model, &stack->frames[i], &has_function, &has_module);
	if (!has_function || !has_module || stack_is_excluded(model, stack))
		return PASSES_NOT;
	for (uint32_t i = 0; model->filter.suppressed[0] && i < stack->frame_count; i++)
		if (frame_is_suppressed(model, &stack->frames[i]))
			return SUPPRESSED;
	return PASSES;
}

/* One pid may have been several targets, one after the other. */
static bool process_passes(const struct model *model, uint32_t pid)
{
	const char *pattern = model->filter.process;

	for (size_t i = 0; i < model->target_count; i++)
		if (model->targets[i].pid == pid &&
		    (glob_matches(pattern, model->targets[i].comm) ||
		     glob_matches(pattern, file_name(model->targets[i].exe))))
			return true;
	return false;
}

/* What is asked for, or what is above it: render for render/textures. */
static bool matches_with_above(const char *pattern, const char *name)
{
	char above[RECORD_STRING_MAX + 1];

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - name), name);
		if (*above && glob_matches(pattern, above))
			return true;
	}
	return glob_matches(pattern, name);
}

static bool cgroup_passes(const struct model *model, uint32_t pid)
{
	for (size_t i = 0; i < model->target_count; i++)
		if (model->targets[i].pid == pid &&
		    matches_with_above(model->filter.cgroup,
				       model_cgroup(model, &model->targets[i])))
			return true;
	return false;
}

static enum passes look_at_thread(const struct model *model, uint32_t id)
{
	const struct thread_record *thread = id < model->thread_count ? &model->threads[id] : NULL;
	const char *name = thread && thread->comm ? thread->comm : "";

	if (model->filter.pid && (!thread || thread->pid != model->filter.pid))
		return PASSES_NOT;
	if (model->filter.process[0] && (!thread || !process_passes(model, thread->pid)))
		return PASSES_NOT;
	if (model->filter.cgroup[0] && (!thread || !cgroup_passes(model, thread->pid)))
		return PASSES_NOT;
	return !model->filter.thread[0] || glob_matches(model->filter.thread, name) ? PASSES
										    : PASSES_NOT;
}

bool model_happened(const struct model *model, uint64_t time_ns)
{
	return time_ns <= model->filter.to_ns && (!model->to_event || time_ns <= model->to_ns);
}

/* Each is looked at once. Out of memory, each time. */
bool model_thread_passes(struct model *model, uint32_t id)
{
	if (model_reach((void **)&model->thread_passes, &model->thread_passes_count, 1, id))
		return look_at_thread(model, id) == PASSES;
	if (model->thread_passes[id] == NOT_LOOKED_AT)
		model->thread_passes[id] = look_at_thread(model, id);
	return model->thread_passes[id] == PASSES;
}

/* Several modules may have a function of one name, and so of one id. */
static enum passes look_at_function(const struct model *model, uint8_t id)
{
	for (size_t i = 0; i < model->function_count; i++)
		if (model->functions[i].id == id)
			return glob_matches(model->filter.allocator, model->functions[i].name)
				       ? PASSES
				       : PASSES_NOT;
	return PASSES_NOT;
}

static bool function_passes(struct model *model, uint8_t id)
{
	if (!model->filter.allocator[0])
		return true;
	if (model->function_passes[id] == NOT_LOOKED_AT)
		model->function_passes[id] = look_at_function(model, id);
	return model->function_passes[id] == PASSES;
}

static enum passes look_at_tag(const struct model *model, uint32_t tag)
{
	return matches_with_above(model->filter.tag, tags_name(&model->tags, tag)) ? PASSES
										   : PASSES_NOT;
}

static bool tag_passes(struct model *model, uint32_t tag)
{
	if (!model->filter.tag[0])
		return true;
	if (model_reach((void **)&model->tag_passes, &model->tag_passes_count, 1, tag))
		return look_at_tag(model, tag) == PASSES;
	if (model->tag_passes[tag] == NOT_LOOKED_AT)
		model->tag_passes[tag] = look_at_tag(model, tag);
	return model->tag_passes[tag] == PASSES;
}

static enum passes stack_passes(struct model *model, uint32_t id)
{
	if (!filter_needs_names(&model->filter))
		return PASSES;
	if (model_reach((void **)&model->stack_passes, &model->stack_passes_count, 1, id))
		return look_at_stack(model, id);
	if (model->stack_passes[id] == NOT_LOOKED_AT)
		model->stack_passes[id] = look_at_stack(model, id);
	return model->stack_passes[id];
}

/* A block without a byte is at its address. */
static bool holds(const struct block *block, uint64_t address)
{
	return address == block->address ||
	       (address > block->address && address - block->address < block->size);
}

static enum passes block_passes(struct model *model, const struct block *block)
{
	const struct filter *filter = &model->filter;
	uint64_t age = model->end_ns > block->time_ns ? model->end_ns - block->time_ns : 0;

	if (!filter->is_set)
		return PASSES;
	if (block->size < filter->size_min || block->size > filter->size_max ||
	    (filter->address && block->address != filter->address) ||
	    (filter->holding && !holds(block, filter->holding)) ||
	    block->time_ns < filter->from_ns || age < filter->age_min_ns ||
	    age > filter->age_max_ns || !model_thread_passes(model, block->thread) ||
	    !function_passes(model, block->function) || !tag_passes(model, block->tag) ||
	    (filter->is_live && model->survivors && !survivors_have(model->survivors, block)))
		return PASSES_NOT;
	return stack_passes(model, block->stack);
}

bool model_block_passes(struct model *model, const struct block *block)
{
	return block_passes(model, block) == PASSES;
}

bool model_block_is_suppressed(struct model *model, const struct block *block)
{
	return model->filter.suppressed[0] && block_passes(model, block) == SUPPRESSED;
}

bool model_call_passes(struct model *model, uint64_t time_ns, uint32_t thread)
{
	const struct filter *filter = &model->filter;

	return !filter->is_set || (time_ns >= filter->from_ns && filter->size_min == 0 &&
				   filter->size_max == UINT64_MAX && !filter->function[0] &&
				   !filter->address && !filter->holding && !filter->module[0] &&
				   !filter->not_function[0] && !filter->not_module[0] &&
				   !filter->allocator[0] && !filter->tag[0] && !filter->is_live &&
				   !filter_needs_end(filter) && model_thread_passes(model, thread));
}
