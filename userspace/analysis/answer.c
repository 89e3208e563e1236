// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/answer.h"

#include "analysis/frames.h"
#include "analysis/gaps.h"
#include "analysis/tree.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define TREE_DEPTH_MAX 512
#define FRAMES_MAX     1000000 /* in one answer: about a gigabyte of JSON values */

/* By what rows and tree nodes are sorted; a new key is a new row. */
static const struct sort_key {
	const char *name;
	size_t field;
} SORT_KEYS[] = {
	{ "live", offsetof(struct stack_sums, live_bytes) },
	{ "peak", offsetof(struct stack_sums, peak_bytes) },
	{ "allocated", offsetof(struct stack_sums, allocated_bytes) },
	{ "count", offsetof(struct stack_sums, allocations) },
	{ "temporary", offsetof(struct stack_sums, temporary) },
};

/* Names of enum loss_reason and enum stack_status (bpf/event.h), as docs/report-json.md lists them.
 */
static const char *const LOSS_NAMES[] = { "ring_full", "thread_state", "unmatched_return",
					  "recursion", "disk" };
static const char *const STATUS_NAMES[] = { "complete", "frame_pointers", "depth",	"no_table",
					    "no_row",	"rule",		  "unreadable", "bad_frame",
					    "not_code", "anonymous",	  "busy",	"no_slot",
					    "signal" };

static const struct sort_key *sort_key(const char *name)
{
	for (size_t i = 0; i < sizeof(SORT_KEYS) / sizeof(SORT_KEYS[0]); i++)
		if (strcmp(SORT_KEYS[i].name, name) == 0)
			return &SORT_KEYS[i];
	return NULL;
}

static uint64_t value_of(const struct stack_sums *sums, const struct sort_key *key)
{
	uint64_t value;

	memcpy(&value, (const char *)sums + key->field, sizeof(value));
	return value;
}

static json_t *number(uint64_t value)
{
	/* jansson's integers are signed; sums of 2^63 bytes do not occur in a capture that makes
	 * sense */
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* Text of a capture may be any bytes; JSON must be UTF-8. */
static json_t *text(const char *string)
{
	char safe[4096];
	json_t *value = json_string(string);

	return value ? value : json_string(text_safe(safe, sizeof(safe), string, strlen(string)));
}

static json_t *named_sums(const char *const *names, size_t name_count, const uint64_t *sums,
			  size_t count, size_t first)
{
	json_t *object = json_object();

	for (size_t i = first; i < count && i < name_count; i++)
		if (sums[i])
			json_object_set_new(object, names[i], number(sums[i]));
	return object;
}

static uint64_t sum(const uint64_t *values, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += values[i];
	return total;
}

static uint64_t duration_ns(const struct model *model)
{
	return model->has_end ? model->end.duration_ns : model->last_time_ns;
}

static json_t *answer_modules(const struct model *model)
{
	json_t *modules = json_array();

	for (size_t i = 0; i < model->module_count; i++) {
		const struct module_record *record = &model->modules[i].record;
		char build_id[2 * RECORD_BUILD_ID_MAX + 1];
		if (!record->path)
			continue;
		text_hex(build_id, record->build_id, record->build_id_size);
		json_array_append_new(modules,
				      json_pack("{s:o, s:s, s:o}", "path", text(record->path),
						"build_id", build_id, "note", text(record->note)));
	}
	return modules;
}

static json_t *answer_capture(const struct answer_context *context)
{
	const struct model *model = context->model;
	const struct session_record *session = &model->session;
	json_t *targets = json_array(), *functions = json_array();

	for (size_t i = 0; i < model->target_count; i++)
		json_array_append_new(targets, json_pack("{s:I, s:o, s:o}", "pid",
							 (json_int_t)model->targets[i].pid, "comm",
							 text(model->targets[i].comm), "exe",
							 text(model->targets[i].exe)));
	for (size_t i = 0; i < model->function_count; i++) {
		const struct function_record *function = &model->functions[i];
		const char *module = function->module < model->module_count &&
						     model->modules[function->module].record.path
					     ? model->modules[function->module].record.path
					     : "";
		json_array_append_new(functions,
				      json_pack("{s:o, s:o, s:I, s:o, s:b}", "function",
						text(function->name), "module", text(module),
						"offset", (json_int_t)function->site_offset,
						"instruction", text(function->instruction),
						"emulated", function->is_emulated));
	}
	json_t *object = json_object();
	json_object_set_new(object, "id", json_string(context->id));
	json_object_set_new(object, "host", text(session->host ? session->host : ""));
	json_object_set_new(object, "host_key", json_string(context->host));
	json_object_set_new(object, "kernel", text(session->kernel ? session->kernel : ""));
	json_object_set_new(object, "version",
			    text(session->tool_version ? session->tool_version : ""));
	json_object_set_new(object, "started_ns", number(session->start_unix_ns));
	json_object_set_new(object, "duration_ns", number(duration_ns(model)));
	json_object_set_new(object, "targets", targets);
	json_object_set_new(object, "mode", text(session->mode ? session->mode : ""));
	json_object_set_new(object, "complete",
			    json_boolean(context->verdict->state == CAPTURE_COMPLETE));
	json_object_set_new(object, "state", json_string(context->verdict->reason));
	json_object_set_new(object, "end_reason", text(model->has_end ? model->end.reason : ""));
	json_object_set_new(object, "sampling_bytes", number(session->sampling_bytes));
	json_object_set_new(object, "functions", functions);
	json_object_set_new(object, "modules", answer_modules(model));
	return object;
}

static json_t *answer_events(const struct model *model)
{
	const struct live_totals *totals = model_totals(model);
	const struct counters_record *counters = &model->counters;
	uint64_t lost[RECORD_REASONS_MAX + 1];
	size_t count = counters->loss_count;

	memcpy(lost, counters->lost, sizeof(counters->lost));
	/* what the kernel sent and the file does not have, because the disk was full */
	if (model->has_end && count < RECORD_REASONS_MAX) {
		uint64_t known = sum(lost, count);
		lost[count++] = model->end.events_lost > known ? model->end.events_lost - known : 0;
	}
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "allocations",
		number(totals->allocations), "frees", number(totals->frees), "reallocations",
		number(totals->reallocations), "failed", number(totals->failed), "free_of_unknown",
		number(totals->frees_of_unknown - model->frees_of_inherited), "free_of_inherited",
		number(model->frees_of_inherited), "missed_frees", number(totals->missed_frees),
		"emitted", number(model->has_end ? model->end.events_emitted : counters->emitted),
		"lost", number(sum(lost, count)), "lost_by_reason",
		named_sums(LOSS_NAMES, sizeof(LOSS_NAMES) / sizeof(LOSS_NAMES[0]), lost, count, 0));
}

static json_t *answer_totals(const struct model *model)
{
	const struct live_totals *totals = model_totals(model);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "allocated_bytes",
			 number(totals->allocated_bytes), "freed_bytes",
			 number(totals->freed_bytes), "live_bytes", number(totals->live_bytes),
			 "live_blocks", number(totals->live_blocks), "peak_bytes",
			 number(totals->peak_bytes), "peak_time_ns", number(totals->peak_time_ns),
			 "ended_blocks", number(totals->ended_blocks), "temporary_blocks",
			 number(model->temporary));
}

/* Who a pid is: the last target that had it. */
static const struct target_record *target_of(const struct model *model, uint32_t pid)
{
	for (size_t i = model->target_count; i-- > 0;)
		if (model->targets[i].pid == pid)
			return &model->targets[i];
	return NULL;
}

/* exec gives a process another name: its first thread's. */
static void name_processes(const struct model *model)
{
	for (size_t i = 0; i < model->target_count; i++) {
		struct process *process = processes_find(&model->processes, model->targets[i].pid);
		for (; process; process = process->previous
						  ? &model->processes.items[process->previous - 1]
						  : NULL)
			process->comm = model->targets[i].comm;
	}
	for (size_t i = 0; i < model->thread_count; i++) {
		const struct thread_record *thread = &model->threads[i];
		struct process *process = thread->comm && *thread->comm &&
							  thread->tid == thread->pid
						  ? processes_find_program(&model->processes,
									   thread->pid,
									   thread->program)
						  : NULL;
		if (process)
			process->comm = thread->comm;
	}
}

static int by_live_bytes(const void *a, const void *b)
{
	const struct process *left = *(struct process *const *)a,
			     *right = *(struct process *const *)b;

	if (left->live_bytes != right->live_bytes)
		return left->live_bytes < right->live_bytes ? 1 : -1;
	return left->allocated_bytes < right->allocated_bytes ? 1 : -1;
}

static json_t *answer_process(const struct model *model, const struct process *process)
{
	const struct target_record *target = target_of(model, process->pid);
	json_t *row = json_pack("{s:I, s:o, s:o}", "pid", (json_int_t)process->pid, "comm",
				text(process->comm ? process->comm : ""), "exe",
				text(target ? target->exe : ""));

	json_object_set_new(row, "program", number(process->program));
	json_object_set_new(row, "live_bytes", number(process->live_bytes));
	json_object_set_new(row, "live_blocks", number(process->live_blocks));
	json_object_set_new(row, "peak_bytes", number(process->peak_bytes));
	json_object_set_new(row, "allocated_bytes", number(process->allocated_bytes));
	json_object_set_new(row, "allocations", number(process->allocations));
	json_object_set_new(row, "reallocations", number(process->reallocations));
	json_object_set_new(row, "frees", number(process->frees));
	json_object_set_new(row, "failed", number(process->failed));
	json_object_set_new(row, "first_ns", number(process->first_ns));
	json_object_set_new(row, "last_ns", number(process->last_ns));
	return row;
}

static json_t *answer_processes(const struct model *model)
{
	size_t count = model->processes.count;
	const struct process **sorted = calloc(count + 1, sizeof(*sorted));
	json_t *rows = json_array();

	name_processes(model);
	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = &model->processes.items[i];
	if (sorted)
		qsort(sorted, count, sizeof(*sorted), by_live_bytes);
	for (size_t i = 0; sorted && i < count; i++)
		json_array_append_new(rows, answer_process(model, sorted[i]));
	free(sorted);
	return rows;
}

static json_t *answer_censuses(const struct model *model)
{
#define FIELD_NAME(name) #name,
	static const char *const NAMES[] = { CENSUS_FIELDS(FIELD_NAME) };
#undef FIELD_NAME
	json_t *rows = json_array();

	for (size_t i = 0; i < model->census_count; i++) {
		const struct census_record *record = &model->censuses[i];
		uint64_t numbers[CENSUS_FIELD_COUNT];
		json_t *row = json_pack("{s:I, s:s, s:o}", "pid", (json_int_t)record->pid, "moment",
					record->moment == CENSUS_AT_ATTACH ? "attach" : "end",
					"time_ns", number(record->time_ns));
		memcpy(numbers, &record->census, sizeof(numbers));
		for (size_t k = 0; k < CENSUS_FIELD_COUNT; k++)
			json_object_set_new(row, NAMES[k], number(numbers[k]));
		json_array_append_new(rows, row);
	}
	return rows;
}

/* To the end of the recording, in which nothing may have happened for long. */
static json_t *answer_timeline(struct model *model)
{
	const struct live_totals *totals = model_totals(model);
	json_t *points = json_array();

	uint64_t end = duration_ns(model);
	timeline_advance(&model->timeline, end < model->filter.to_ns ? end : model->filter.to_ns,
			 totals->live_bytes, totals->live_blocks);
	for (size_t i = 0; i < model->timeline.count; i++) {
		const struct timeline_point *point = &model->timeline.points[i];
		json_array_append_new(points, json_pack("[o, o, o]", number(point->time_ns),
							number(point->live_bytes),
							number(point->live_blocks)));
	}
	return points;
}

/* Of the second half: what a program does when it starts says little. */
static json_t *answer_growth(const struct model *model)
{
	struct growth growth;
	uint64_t from = duration_ns(model) / 2;

	if (!timeline_fit(&model->timeline, from, &growth))
		return json_null();
	return json_pack("{s:o, s:f, s:f, s:I}", "from_ns", number(from), "bytes_per_s",
			 growth.bytes_per_s, "error_bytes_per_s", growth.error_bytes_per_s,
			 "points", (json_int_t)growth.points);
}

static json_t *answer_quality(const struct model *model)
{
	const struct counters_record *counters = &model->counters;

	return json_pack("{s:o, s:o, s:o, s:o}", "stacks",
			 number(sum(counters->stack_status, counters->status_count)), "complete",
			 number(counters->status_count ? counters->stack_status[0] : 0),
			 "incomplete_by_reason",
			 named_sums(STATUS_NAMES, sizeof(STATUS_NAMES) / sizeof(STATUS_NAMES[0]),
				    counters->stack_status, counters->status_count, 1),
			 "records_lost", number(counters->stacks_lost));
}

static json_t *answer_frame(const struct named_frame *frame)
{
	char build_id[2 * RECORD_BUILD_ID_MAX + 1];

	text_hex(build_id, frame->build_id ? frame->build_id : (const uint8_t *)"",
		 frame->build_id_size);
	return json_pack("{s:o, s:o, s:I, s:o, s:s, s:o, s:b}", "function", text(frame->function),
			 "file", text(frame->file), "line", (json_int_t)frame->line, "module",
			 text(frame->module), "build_id", build_id, "module_offset",
			 number(frame->offset), "inlined", frame->is_inlined);
}

static json_t *answer_frames(const struct model *model, const struct stack *stack)
{
	struct named_frame names[NAMES_INLINE_MAX];
	json_t *frames = json_array();

	for (uint32_t i = 0; i < stack->frame_count; i++) {
		size_t count = frame_names(model, &stack->frames[i], names);
		for (size_t k = 0; k < count; k++)
			json_array_append_new(frames, answer_frame(&names[k]));
	}
	return frames;
}

/* The stack that holds most of what is live. */
static json_t *answer_top(const struct model *model)
{
	const struct stack *top = NULL;

	for (size_t i = 0; i < model->stack_count; i++)
		if (model->stacks[i].sums.live_bytes &&
		    (!top || model->stacks[i].sums.live_bytes > top->sums.live_bytes))
			top = &model->stacks[i];
	return top ? json_pack("{s:o, s:o}", "live_bytes", number(top->sums.live_bytes), "frames",
			       answer_frames(model, top))
		   : json_null();
}

static void set_sums(json_t *object, const struct stack_sums *sums)
{
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{ "live_bytes", sums->live_bytes },
		{ "live_blocks", sums->live_blocks },
		{ "peak_bytes", sums->peak_bytes },
		{ "allocated_bytes", sums->allocated_bytes },
		{ "allocations", sums->allocations },
		{ "reallocations", sums->reallocations },
		{ "frees", sums->frees },
		{ "temporary", sums->temporary },
		{ "first_ns", sums->first_ns },
		{ "last_ns", sums->last_ns },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(object, fields[i].name, number(fields[i].value));
}

struct ranked {
	uint64_t value;
	uint32_t id;
};

static int by_value(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;

	if (left->value != right->value)
		return left->value < right->value ? 1 : -1;
	return left->id < right->id ? -1 : left->id > right->id;
}

/*
 * One row per stack that allocated, best first, without the first `from` of them; limit 0: all, as
 * far as one document can hold them. *total: how many rows there are.
 */
static json_t *answer_rows(const struct model *model, const struct sort_key *key, size_t from,
			   size_t limit, size_t *total)
{
	struct ranked *ranked = malloc((model->stack_count + 1) * sizeof(*ranked));
	json_t *rows = json_array();
	size_t count = 0, frames = 0;

	for (size_t i = 0; ranked && i < model->stack_count; i++)
		if (model->stacks[i].sums.allocations + model->stacks[i].sums.reallocations)
			ranked[count++] = (struct ranked) { value_of(&model->stacks[i].sums, key),
							    (uint32_t)i };
	if (ranked)
		qsort(ranked, count, sizeof(*ranked), by_value);
	for (size_t i = from; i < count && (!limit || i - from < limit) && frames < FRAMES_MAX;
	     i++) {
		const struct stack *stack = &model->stacks[ranked[i].id];
		json_t *row = json_pack("{s:I}", "id", (json_int_t)ranked[i].id);
		set_sums(row, &stack->sums);
		json_object_set_new(
			row, "status",
			json_string(stack->is_known &&
						    stack->status < sizeof(STATUS_NAMES) /
									    sizeof(STATUS_NAMES[0])
					    ? STATUS_NAMES[stack->status]
					    : "unknown"));
		json_object_set_new(row, "frames", answer_frames(model, stack));
		frames += stack->frame_count;
		json_array_append_new(rows, row);
	}
	free(ranked);
	*total = count;
	return rows;
}

static int by_node(const void *a, const void *b, void *key)
{
	uint64_t left = value_of(&(*(struct tree_node *const *)a)->sums, key);
	uint64_t right = value_of(&(*(struct tree_node *const *)b)->sums, key);

	return left < right ? 1 : left > right ? -1 : 0;
}

/* A node's children that carry at least `least` of the key, best first. */
static json_t *answer_children(const struct tree_node *node, const struct sort_key *key,
			       uint64_t least, int depth)
{
	json_t *list = json_array();
	const struct tree_node **sorted;
	size_t count = 0;

	for (const struct tree_node *child = node->children; child; child = child->next)
		count++;
	sorted = malloc((count + 1) * sizeof(*sorted));
	if (!sorted || depth == TREE_DEPTH_MAX) {
		free(sorted);
		return list;
	}
	count = 0;
	for (const struct tree_node *child = node->children; child; child = child->next)
		if (value_of(&child->sums, key) >= least)
			sorted[count++] = child;
	qsort_r(sorted, count, sizeof(*sorted), by_node, (void *)key);
	for (size_t i = 0; i < count; i++) {
		json_t *entry = answer_frame(&sorted[i]->frame);
		set_sums(entry, &sorted[i]->sums);
		json_object_set_new(entry, "children",
				    answer_children(sorted[i], key, least, depth + 1));
		json_array_append_new(list, entry);
	}
	free(sorted);
	return list;
}

/* Branches under half a percent are left out: a tree is read, not added up. */
static json_t *answer_tree(const struct model *model, const struct sort_key *key)
{
	struct tree_node *root = tree_new(model);

	if (!root)
		return NULL;
	uint64_t least = value_of(&root->sums, key) / 200;
	json_t *tree = json_object();
	set_sums(tree, &root->sums);
	json_object_set_new(tree, "children", answer_children(root, key, least ? least : 1, 0));
	tree_free(root);
	return tree;
}

static json_t *answer_report(const struct answer_context *context, const json_t *question)
{
	const char *sort = json_string_value(json_object_get(question, "sort"));
	const struct sort_key *key = sort_key(sort ? sort : "live");
	json_int_t limit = json_integer_value(json_object_get(question, "limit"));
	json_int_t from = json_integer_value(json_object_get(question, "from"));
	const struct model *model = context->model;
	size_t total = 0;

	if (!key)
		return json_pack("{s:s}", "error", "cannot sort by that");
	json_t *report = json_object();
	json_object_set_new(report, "capture", answer_capture(context));
	json_object_set_new(report, "events", answer_events(model));
	json_object_set_new(report, "totals", answer_totals(model));
	json_object_set_new(report, "stacks_quality", answer_quality(model));
	json_object_set_new(report, "processes", answer_processes(model));
	json_object_set_new(report, "censuses", answer_censuses(model));
	json_object_set_new(report, "timeline", answer_timeline(context->model));
	json_object_set_new(report, "growth", answer_growth(model));
	json_object_set_new(report, "top", answer_top(model));
	json_object_set_new(report, "sort", json_string(key->name));
	json_object_set_new(report, "rows",
			    answer_rows(model, key, from > 0 ? (size_t)from : 0,
					limit > 0 ? (size_t)limit : 0, &total));
	json_object_set_new(report, "rows_total", number(total));
	if (json_is_true(json_object_get(question, "tree")))
		json_object_set_new(report, "tree", answer_tree(model, key));
	return report;
}

json_t *answer(const struct answer_context *context, const json_t *question)
{
	const char *ask = json_string_value(json_object_get(question, "ask"));

	if (ask && strcmp(ask, "report") == 0)
		return answer_report(context, question);
	if (ask && strcmp(ask, "gaps") == 0)
		return gaps_find(context->model);
	if (ask && strcmp(ask, "fill") == 0)
		return gaps_fill(context->model, question);
	return json_pack("{s:s}", "error", "no such question");
}
