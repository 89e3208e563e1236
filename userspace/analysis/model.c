// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/model_parts.h"
#include "analysis/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Ids are given out one by one; a capture with larger ones was not made by a recorder. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION /* the sanitizer writes to all that is allocated \
						 */
#define ID_MAX (1u << 12)
#else
#define ID_MAX (1u << 26)
#endif

#define HUGE_PAGE ((size_t)2 << 20)

/* Sums of many stacks are looked up all over: with pages of 4 KiB, most of that would be waiting
 * for the page tables. Where the kernel has no larger ones, nothing is lost. */
static void advise_huge(char *items, size_t size)
{
	uintptr_t from = ((uintptr_t)items + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	uintptr_t to = ((uintptr_t)items + size) & ~(HUGE_PAGE - 1);

	if (from < to)
		(void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}

int model_reach(void **items, size_t *count, size_t item_size, uint32_t id)
{
	if (id > ID_MAX)
		return -EBADMSG;
	if (id < *count)
		return 0;
	size_t grown_count = *count + *count / 2 > id ? *count + *count / 2 + 1 : (size_t)id + 64;
	/* fresh pages are zero, and take memory only once they are written to: one large id takes
	 * little */
	char *grown = calloc(grown_count, item_size);
	if (!grown)
		return -ENOMEM;
	advise_huge(grown, grown_count * item_size);
	if (*count)
		memcpy(grown, *items, *count * item_size);
	free(*items);
	*items = grown;
	*count = grown_count;
	return 0;
}

int model_open(struct model *model, const struct filter *filter)
{
	*model = (struct model) { .live = live_new(),
				  .mapped = mapped_new(),
				  .filter = *filter,
				  .sum_mask = UINT32_MAX };
	model->events = malloc(CAPTURE_EVENTS_MAX * sizeof(*model->events));
	if (!model->live || !model->mapped || !model->events)
		return -ENOMEM;
	model->totals = filter->is_set ? &model->filtered : live_totals(model->live);
	model->due.next_event = model->from_mark_ns = model->to_mark_ns = UINT64_MAX;
	return 0;
}

int model_open_summary(struct model *model)
{
	static const struct filter EVERYTHING = FILTER_NONE;
	int err = model_open(model, &EVERYTHING);

	model->is_summary = true;
	return err;
}

int model_open_again(struct model *again, const struct model *model)
{
	int err = model_open(again, &model->filter);

	again->end_ns = model->end_ns;
	again->to_event = model->to_event;
	again->survivors = model->survivors;
	again->to_ns = model->to_ns;
	if (err || !model->stack_passes_count)
		return err;
	again->stack_passes = malloc(model->stack_passes_count);
	if (!again->stack_passes)
		return -ENOMEM;
	memcpy(again->stack_passes, model->stack_passes, model->stack_passes_count);
	again->stack_passes_count = model->stack_passes_count;
	return 0;
}

static int feed_stacks(struct model *model, struct bytes_reader *in)
{
	struct stack_record *record = malloc(sizeof(*record));
	int err = record ? 0 : -ENOMEM;

	while (!err && stack_record_get(in, record)) {
		err = model_reach((void **)&model->stacks, &model->stack_count,
				  sizeof(*model->stacks), record->id);
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
		err = model_reach((void **)&model->modules, &model->module_count,
				  sizeof(*model->modules), record.id);
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
		err = model_reach((void **)&model->threads, &model->thread_count,
				  sizeof(*model->threads), record.id);
		if (err) {
			thread_record_free(&record);
			continue;
		}
		if (!model->sum_mask) {
			free(record.comm);
			record.comm = NULL;
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

static int feed_cgroups(struct model *model, struct bytes_reader *in)
{
	struct cgroup_record record;
	int err = 0;

	while (!err && cgroup_record_get(in, &record)) {
		err = model_reach((void **)&model->cgroups, &model->cgroup_count,
				  sizeof(*model->cgroups), record.target);
		if (err) {
			cgroup_record_free(&record);
			continue;
		}
		cgroup_record_free(&model->cgroups[record.target]);
		model->cgroups[record.target] = record;
	}
	return err;
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
		model->timeline.start_ns = record.begin_ns;
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

static int feed_mappings(struct model *model, struct bytes_reader *in)
{
	struct mapping_record record;
	int err = 0;

	while (!err && mapping_record_get(in, &record))
		err = model_apply_mapping(model, &record);
	return err;
}

static int feed_mapped(struct model *model, struct bytes_reader *in)
{
	struct mapping_record record;
	int err = 0;

	while (!err && mapping_record_get(in, &record))
		err = model_restore_mapping(model, &record);
	return err;
}

/* A filter by pid is the only one that says something about it. */
static int feed_memory(struct model *model, struct bytes_reader *in)
{
	struct memory_record record;
	int err = 0;

	while (!err && memory_record_get(in, &record)) {
		uint64_t key = (uint64_t)record.pid + 1;
		const uint64_t *known = map_get(&model->resident_by_pid, key);
		if (!model_happened(model, record.time_ns) ||
		    (model->filter.pid && model->filter.pid != record.pid))
			continue;
		/* before the first, nobody knows */
		if (model->resident_count)
			timeline_advance(&model->resident, record.time_ns, model->resident_bytes,
					 0);
		else
			model->resident.start_ns = record.time_ns;
		model->resident_count++;
		model->resident_bytes += record.resident_bytes - (known ? *known : 0);
		err = map_put(&model->resident_by_pid, key, record.resident_bytes);
		if (model->resident_bytes > model->resident_peak_bytes)
			model->resident_peak_bytes = model->resident_bytes;
	}
	return err;
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
	size_t size = bytes_left(in);

	/* the index behind the totals is for readers that jump */
	model->has_end = end_totals_get(bytes_get(in, size), size, &model->end);
	return model->has_end ? 0 : -EBADMSG;
}

uint64_t model_end_ns(const struct model *model)
{
	uint64_t end = model->has_end ? model->end.duration_ns : model->last_time_ns;

	return end > model->session.begin_ns ? end : model->session.begin_ns;
}

const struct live_totals *model_totals(const struct model *model)
{
	return model->totals;
}

static int feed_events(struct model *model, struct bytes_reader *in)
{
	size_t count = 0, size = bytes_left(in);
	int err = capture_events_decode(bytes_get(in, size), size, model->events, &count);

	return err ? err : model_feed_events(model, model->events, count);
}

static int feed_live(struct model *model, struct bytes_reader *in)
{
	size_t count = 0, size = bytes_left(in);
	int err = capture_events_decode(bytes_get(in, size), size, model->events, &count);

	for (size_t i = 0; !err && i < count; i++)
		err = model_restore(model, &model->events[i]);
	return err;
}

static int feed_summary(struct model *model, struct bytes_reader *in)
{
	if (model->is_summary)
		return summary_get(model, in);
	in->at = in->end;
	return 0;
}

static int feed_checkpoint(struct model *model, struct bytes_reader *in)
{
	enum chunk_type type = bytes_get_u8(in);

	if (model->is_resumed && type == CHUNK_LIVE)
		return feed_live(model, in);
	if (model->is_resumed && type == CHUNK_MAPPED)
		return feed_mapped(model, in);
	in->at = in->end;
	return 0;
}

/* A new chunk type is a new row; unknown ones are from a newer recorder, and passed over. */
static int (*const FEEDS[])(struct model *, struct bytes_reader *) = {
	[CHUNK_EVENTS] = feed_events,	    [CHUNK_END] = feed_end,
	[CHUNK_STACKS] = feed_stacks,	    [CHUNK_MODULES] = feed_modules,
	[CHUNK_TARGETS] = feed_targets,	    [CHUNK_THREADS] = feed_threads,
	[CHUNK_FUNCTIONS] = feed_functions, [CHUNK_NAMES] = feed_names,
	[CHUNK_SESSION] = feed_session,	    [CHUNK_COUNTERS] = feed_counters,
	[CHUNK_CENSUS] = feed_census,	    [CHUNK_MAPPINGS] = feed_mappings,
	[CHUNK_LIVE] = feed_live,	    [CHUNK_MAPPED] = feed_mapped,
	[CHUNK_MEMORY] = feed_memory,	    [CHUNK_SUMMARY] = feed_summary,
	[CHUNK_MARKS] = model_feed_marks,   [CHUNK_CGROUPS] = feed_cgroups,
	[CHUNK_CHECKPOINT] = feed_checkpoint,
};

int model_feed(struct model *model, enum chunk_type type, const void *raw, size_t size)
{
	struct bytes_reader in = bytes_reader_on(raw, size);

	if ((size_t)type >= sizeof(FEEDS) / sizeof(FEEDS[0]) || !FEEDS[type])
		return 0;
	int err = FEEDS[type](model, &in);
	if (!err && in.failed)
		err = -EBADMSG;
	return !err && model->has_failed ? -ENOMEM : err;
}

static void free_stacks(struct model *model)
{
	/* most may never have been written to, and should not be now: they take no memory yet */
	for (size_t i = 0; i < model->stack_count; i++) {
		struct stack *stack = &model->stacks[i];
		if (stack->frames)
			free(stack->frames);
		if (stack->history.live_bytes)
			history_free(&stack->history);
	}
	free(model->stacks);
	model->stacks = NULL;
	model->stack_count = 0;
}

int model_merge(struct model *model)
{
	free_stacks(model);
	free(model->thread_states);
	model->thread_states = NULL;
	model->thread_state_count = 0;
	processes_free(&model->processes);
	for (size_t i = 0; i < model->thread_count; i++) {
		free(model->threads[i].comm);
		model->threads[i].comm = NULL;
	}
	model->sum_mask = 0;
	int err = model_reach_stack(model, 0);
	return err ? err : model_reach_thread_state(model, 0);
}

bool model_is_last(const struct model *model, const struct block *block)
{
	return model_thread_state(model, block->thread)->last_allocation == block->address;
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
	free_stacks(model);
	for (size_t i = 0; i < model->marker_count; i++)
		free(model->markers[i].name);
	free(model->markers);
	free(model->due.items);
	free(model->due_live.items);
	free(model->tag_sums);
	free(model->tag_passes);
	tags_free(&model->tags);
	free(model->thread_passes);
	free(model->thread_states);
	free(model->stack_passes);
	free(model->censuses);
	for (size_t i = 0; i < model->cgroup_count; i++)
		cgroup_record_free(&model->cgroups[i]);
	free(model->cgroups);
	free(model->targets);
	free(model->threads);
	free(model->modules);
	free(model->functions);
	free(model->events);
	live_free(model->live);
	map_free(&model->resident_by_pid);
	map_free(&model->missed);
	mapped_free(model->mapped);
	processes_free(&model->processes);
}
