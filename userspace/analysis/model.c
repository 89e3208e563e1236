// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/model.h"

#include "analysis/frames.h"
#include "base/glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Ids are given out one by one; a capture with larger ones was not made by a recorder. */
#define ID_MAX (1u << 26)

/* Makes items[id] exist, zeroed. */
static int reach(void **items, size_t *count, size_t item_size, uint32_t id)
{
	if (id > ID_MAX)
		return -EBADMSG;
	if (id < *count)
		return 0;
	size_t grown_count = *count + *count / 2 > id ? *count + *count / 2 + 1 : (size_t)id + 64;
	char *grown = realloc(*items, grown_count * item_size);
	if (!grown)
		return -ENOMEM;
	memset(grown + *count * item_size, 0, (grown_count - *count) * item_size);
	*items = grown;
	*count = grown_count;
	return 0;
}

int model_open(struct model *model, const struct filter *filter)
{
	*model = (struct model) { .live = live_new(), .filter = *filter };
	model->events = malloc(CAPTURE_EVENTS_MAX * sizeof(*model->events));
	return model->live && model->events ? 0 : -ENOMEM;
}

static int feed_stacks(struct model *model, struct bytes_reader *in)
{
	struct stack_record *record = malloc(sizeof(*record));
	int err = record ? 0 : -ENOMEM;

	while (!err && stack_record_get(in, record)) {
		err = reach((void **)&model->stacks, &model->stack_count, sizeof(*model->stacks),
			    record->id);
		if (err || model->stacks[record->id].is_known)
			continue;
		struct stack *stack = &model->stacks[record->id];
		stack->frames = malloc(record->frame_count * sizeof(*stack->frames) + 1);
		if (!stack->frames) {
			err = -ENOMEM;
			continue;
		}
		memcpy(stack->frames, record->frames, record->frame_count * sizeof(*stack->frames));
		stack->frame_count = record->frame_count;
		stack->status = record->status;
		stack->is_known = true;
	}
	free(record);
	return err;
}

static int feed_modules(struct model *model, struct bytes_reader *in)
{
	struct module_record record;
	int err = 0;

	while (!err && module_record_get(in, &record)) {
		err = reach((void **)&model->modules, &model->module_count, sizeof(*model->modules),
			    record.id);
		if (err) {
			module_record_free(&record);
			continue;
		}
		module_record_free(&model->modules[record.id].record);
		model->modules[record.id].record = record;
	}
	return err;
}

static int feed_threads(struct model *model, struct bytes_reader *in)
{
	struct thread_record record;
	int err = 0;

	while (!err && thread_record_get(in, &record)) {
		err = reach((void **)&model->threads, &model->thread_count, sizeof(*model->threads),
			    record.id);
		if (err) {
			thread_record_free(&record);
			continue;
		}
		thread_record_free(&model->threads[record.id]);
		model->threads[record.id] = record;
	}
	return err;
}

static int feed_targets(struct model *model, struct bytes_reader *in)
{
	struct target_record record;

	while (target_record_get(in, &record)) {
		struct target_record *grown = realloc(model->targets,
						      (model->target_count + 1) * sizeof(*grown));
		if (!grown) {
			target_record_free(&record);
			return -ENOMEM;
		}
		model->targets = grown;
		model->targets[model->target_count++] = record;
	}
	return 0;
}

static int feed_functions(struct model *model, struct bytes_reader *in)
{
	struct function_record record;

	while (function_record_get(in, &record)) {
		struct function_record *grown = realloc(
			model->functions, (model->function_count + 1) * sizeof(*grown));
		if (!grown) {
			function_record_free(&record);
			return -ENOMEM;
		}
		model->functions = grown;
		model->functions[model->function_count++] = record;
	}
	return 0;
}

static int feed_session(struct model *model, struct bytes_reader *in)
{
	struct session_record record;

	if (session_record_get(in, &record)) {
		session_record_free(&model->session);
		model->session = record;
	}
	return 0;
}

static int feed_census(struct model *model, struct bytes_reader *in)
{
	struct census_record record;

	while (census_record_get(in, &record)) {
		struct census_record *grown = realloc(model->censuses,
						      (model->census_count + 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		model->censuses = grown;
		model->censuses[model->census_count++] = record;
	}
	return 0;
}

static int feed_counters(struct model *model, struct bytes_reader *in)
{
	struct counters_record record;

	while (counters_record_get(in, &record))
		model->counters = record;
	return 0;
}

/* At place `at` among the module's names: where several know an address, the first counts. */
static int add_names(struct model_module *module, size_t at, const void *payload, size_t size)
{
	struct names **grown = realloc(module->names, (module->names_count + 1) * sizeof(*grown));
	struct names *names = NULL;

	if (!grown)
		return -ENOMEM;
	module->names = grown;
	int err = names_load(payload, size, &names);
	if (err)
		return err;
	memmove(grown + at + 1, grown + at, (module->names_count++ - at) * sizeof(*grown));
	grown[at] = names;
	return 0;
}

static int feed_names(struct model *model, struct bytes_reader *in)
{
	uint64_t id = bytes_get_varint(in);

	if (in->failed || id >= model->module_count)
		return -EBADMSG;
	struct model_module *module = &model->modules[id];
	size_t size = bytes_left(in);
	return add_names(module, module->names_count, bytes_get(in, size), size);
}

int model_name(struct model *model, uint32_t module, const void *payload, size_t size)
{
	if (module >= model->module_count)
		return -EBADMSG;
	return add_names(&model->modules[module], 0, payload, size);
}

static int feed_end(struct model *model, struct bytes_reader *in)
{
	uint64_t size = bytes_get_varint(in);
	const uint8_t *totals = bytes_get(in, size > bytes_left(in) ? SIZE_MAX : (size_t)size);
	struct bytes_reader inner = bytes_reader_on(totals, totals ? (size_t)size : 0);

	/* the index behind the totals is for readers that jump */
	in->at = in->end;
	model->has_end = totals && end_record_get(&inner, &model->end);
	return model->has_end ? 0 : -EBADMSG;
}

const struct live_totals *model_totals(const struct model *model)
{
	return model->filter.is_set ? &model->filtered : live_totals(model->live);
}

/* --- what passes the filter --- */

enum passes {
	NOT_LOOKED_AT = 0,
	PASSES,
	PASSES_NOT
};

static bool frame_passes(const struct model *model, const struct record_frame *frame,
			 bool *has_function, bool *has_module)
{
	struct named_frame names[NAMES_INLINE_MAX];
	size_t count = frame_names(model, frame, names);

	for (size_t i = 0; i < count; i++) {
		const char *slash = strrchr(names[i].module, '/');
		*has_function |= glob_matches(model->filter.function, names[i].function);
		*has_module |= glob_matches(model->filter.module,
					    slash ? slash + 1 : names[i].module);
	}
	return *has_function && *has_module;
}

static enum passes look_at_stack(const struct model *model, uint32_t id)
{
	bool has_function = !model->filter.function[0], has_module = !model->filter.module[0];

	if (id >= model->stack_count)
		return PASSES_NOT;
	const struct stack *stack = &model->stacks[id];
	for (uint32_t i = 0; i < stack->frame_count; i++)
		if (frame_passes(model, &stack->frames[i], &has_function, &has_module))
			return PASSES;
	return PASSES_NOT;
}

static enum passes look_at_thread(const struct model *model, uint32_t id)
{
	const struct thread_record *thread = id < model->thread_count ? &model->threads[id] : NULL;
	const char *name = thread && thread->comm ? thread->comm : "";

	if (model->filter.pid && (!thread || thread->pid != model->filter.pid))
		return PASSES_NOT;
	return !model->filter.thread[0] || glob_matches(model->filter.thread, name) ? PASSES
										    : PASSES_NOT;
}

/* Each is looked at once. Out of memory, each time. */
static bool thread_passes(struct model *model, uint32_t id)
{
	if (reach((void **)&model->thread_passes, &model->thread_passes_count, 1, id))
		return look_at_thread(model, id) == PASSES;
	if (model->thread_passes[id] == NOT_LOOKED_AT)
		model->thread_passes[id] = look_at_thread(model, id);
	return model->thread_passes[id] == PASSES;
}

static bool stack_passes(struct model *model, uint32_t id)
{
	if (!filter_needs_names(&model->filter))
		return true;
	if (reach((void **)&model->stack_passes, &model->stack_passes_count, 1, id))
		return look_at_stack(model, id) == PASSES;
	if (model->stack_passes[id] == NOT_LOOKED_AT)
		model->stack_passes[id] = look_at_stack(model, id);
	return model->stack_passes[id] == PASSES;
}

static bool block_passes(struct model *model, const struct block *block)
{
	const struct filter *filter = &model->filter;

	if (!filter->is_set)
		return true;
	return block->size >= filter->size_min && block->size <= filter->size_max &&
	       block->time_ns >= filter->from_ns && thread_passes(model, block->thread) &&
	       stack_passes(model, block->stack);
}

/* A call that has no block that is known: of a failed one, or a free of one from before. */
static bool call_passes(struct model *model, const struct capture_event *event)
{
	const struct filter *filter = &model->filter;

	return !filter->is_set || (event->time_ns >= filter->from_ns && filter->size_min == 0 &&
				   filter->size_max == UINT64_MAX && !filter_needs_names(filter) &&
				   thread_passes(model, event->thread));
}

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
		totals->failed += call_passes(model, event);
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

/* heaptrack's definition: a free that directly follows the allocation of the same block. */
static bool is_temporary(const struct model *model, const struct capture_event *event)
{
	const uint64_t *last = map_get(&model->last_allocation, (uint64_t)event->thread + 1);

	return event->kind == CAPTURE_FREE && last && *last == event->address;
}

static void end_block(void *context, const struct block *block)
{
	struct model *model = context;

	if (!block_passes(model, block))
		return;
	if (model->filter.is_set) {
		end_filtered(model, block);
		model->filtered.ended_blocks++;
	}
	remove_from_stack(model, block);
	processes_end_block(&model->processes, block);
}

/* Takes from the outcome what does not pass. */
static void narrow(struct model *model, const struct capture_event *event, struct outcome *outcome)
{
	outcome->has_freed &= block_passes(model, &outcome->freed);
	outcome->has_missed &= block_passes(model, &outcome->missed);
	outcome->has_allocated &= block_passes(model, &outcome->allocated);
	outcome->was_unknown &= call_passes(model, event);
	sum_filtered(model, event, outcome);
}

static int apply(struct model *model, const struct capture_event *event)
{
	static const struct thread_record UNKNOWN;
	struct outcome outcome;
	const struct thread_record *thread = event->thread < model->thread_count
						     ? &model->threads[event->thread]
						     : &UNKNOWN;
	if (event->time_ns > model->filter.to_ns)
		return 0;
	const struct live_totals *now = model_totals(model);
	timeline_advance(&model->timeline, event->time_ns, now->live_bytes, now->live_blocks);
	bool was_temporary = is_temporary(model, event);
	int err = reach((void **)&model->stacks, &model->stack_count, sizeof(*model->stacks),
			event->stack);

	if (!err && thread->program)
		err = live_enter_program(model->live, thread->pid, thread->program, end_block,
					 model);
	if (!err)
		err = live_apply(model->live, event, thread->pid, &outcome);
	if (!err && model->filter.is_set)
		narrow(model, event, &outcome);
	/* of a process of which nothing passes, there is no row */
	if (!err && (!model->filter.is_set || outcome.has_freed || outcome.has_missed ||
		     outcome.has_allocated || call_passes(model, event)))
		err = processes_apply(&model->processes, thread->pid, thread->program, event,
				      &outcome);
	if (err)
		return err;
	model->frees_of_inherited += outcome.was_unknown && thread->inherits;
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

static int feed_events(struct model *model, struct bytes_reader *in)
{
	size_t count = 0, size = bytes_left(in);
	int err = capture_events_decode(bytes_get(in, size), size, model->events, &count);

	for (size_t i = 0; !err && i < count; i++)
		err = apply(model, &model->events[i]);
	return err;
}

/* A new chunk type is a new row; unknown ones are from a newer recorder, and passed over. */
static int (*const FEEDS[])(struct model *, struct bytes_reader *) = {
	[CHUNK_EVENTS] = feed_events,	    [CHUNK_END] = feed_end,
	[CHUNK_STACKS] = feed_stacks,	    [CHUNK_MODULES] = feed_modules,
	[CHUNK_TARGETS] = feed_targets,	    [CHUNK_THREADS] = feed_threads,
	[CHUNK_FUNCTIONS] = feed_functions, [CHUNK_NAMES] = feed_names,
	[CHUNK_SESSION] = feed_session,	    [CHUNK_COUNTERS] = feed_counters,
	[CHUNK_CENSUS] = feed_census,
};

int model_feed(struct model *model, enum chunk_type type, const void *raw, size_t size)
{
	struct bytes_reader in = bytes_reader_on(raw, size);

	if ((size_t)type >= sizeof(FEEDS) / sizeof(FEEDS[0]) || !FEEDS[type])
		return 0;
	int err = FEEDS[type](model, &in);
	return !err && in.failed ? -EBADMSG : err;
}

void model_close(struct model *model)
{
	session_record_free(&model->session);
	for (size_t i = 0; i < model->target_count; i++)
		target_record_free(&model->targets[i]);
	for (size_t i = 0; i < model->thread_count; i++)
		thread_record_free(&model->threads[i]);
	for (size_t i = 0; i < model->module_count; i++) {
		module_record_free(&model->modules[i].record);
		for (size_t k = 0; k < model->modules[i].names_count; k++)
			names_free(model->modules[i].names[k]);
		free(model->modules[i].names);
	}
	for (size_t i = 0; i < model->function_count; i++)
		function_record_free(&model->functions[i]);
	for (size_t i = 0; i < model->stack_count; i++)
		free(model->stacks[i].frames);
	free(model->thread_passes);
	free(model->stack_passes);
	free(model->censuses);
	free(model->targets);
	free(model->threads);
	free(model->modules);
	free(model->functions);
	free(model->stacks);
	free(model->events);
	live_free(model->live);
	processes_free(&model->processes);
	map_free(&model->last_allocation);
}
