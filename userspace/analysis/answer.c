// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/answer.h"

#include "analysis/answer_parts.h"
#include "analysis/model_parts.h"
#include "analysis/gaps.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

/* Names of enum loss_reason (bpf/event.h), as docs/report-json.md lists them. */
static const char *const LOSS_NAMES[] = { "ring_full", "thread_state", "unmatched_return",
					  "recursion", "unread" };

/* Behind all that a capture may name: what it cannot hold, as the disk was full. */
#define LOSS_DISK RECORD_REASONS_MAX

static const char *loss_name(size_t reason)
{
	if (reason == LOSS_DISK)
		return "disk";
	return reason < sizeof(LOSS_NAMES) / sizeof(LOSS_NAMES[0]) ? LOSS_NAMES[reason] : "unknown";
}

/* Those that are not 0, from the first-th on. */
static json_t *named_sums(const char *(*name)(size_t), const uint64_t *sums, size_t count,
			  size_t first)
{
	json_t *object = json_object();

	for (size_t i = first; i < count; i++)
		if (sums[i])
			json_object_set_new(object, name(i), answer_number(sums[i]));
	return object;
}

static uint64_t sum(const uint64_t *values, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += values[i];
	return total;
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
				      json_pack("{s:o, s:s, s:o}", "path",
						answer_text(record->path), "build_id", build_id,
						"note", answer_text(record->note)));
	}
	return modules;
}

static json_t *answer_capture(const struct answer_context *context)
{
	const struct model *model = context->model;
	const struct session_record *session = &model->session;
	json_t *targets = json_array(), *functions = json_array();

	for (size_t i = 0; i < model->target_count; i++)
		json_array_append_new(
			targets,
			json_pack("{s:I, s:o, s:o, s:o}", "pid", (json_int_t)model->targets[i].pid,
				  "comm", answer_text(model->targets[i].comm), "exe",
				  answer_text(model->targets[i].exe), "cgroup",
				  answer_text(model_cgroup(model, &model->targets[i]))));
	for (size_t i = 0; i < model->function_count; i++) {
		const struct function_record *function = &model->functions[i];
		const char *module = function->module < model->module_count &&
						     model->modules[function->module].record.path
					     ? model->modules[function->module].record.path
					     : "";
		json_array_append_new(functions,
				      json_pack("{s:I, s:o, s:o, s:I, s:o, s:b}", "number",
						(json_int_t)function->id, "function",
						answer_text(function->name), "module",
						answer_text(module), "offset",
						(json_int_t)function->site_offset, "instruction",
						answer_text(function->instruction), "emulated",
						function->is_emulated));
	}
	json_t *object = json_object();
	json_object_set_new(object, "id", json_string(context->id));
	json_object_set_new(object, "host", answer_text(session->host ? session->host : ""));
	json_object_set_new(object, "host_key", json_string(context->host));
	json_object_set_new(object, "kernel", answer_text(session->kernel ? session->kernel : ""));
	json_object_set_new(object, "version",
			    answer_text(session->tool_version ? session->tool_version : ""));
	json_object_set_new(object, "started_ns", answer_number(session->start_unix_ns));
	json_object_set_new(object, "begin_ns", answer_number(model->session.begin_ns));
	json_object_set_new(object, "duration_ns",
			    answer_number(model_end_ns(model) - model->session.begin_ns));
	json_object_set_new(object, "series", json_string(context->series));
	json_object_set_new(object, "segment", answer_number(context->segment));
	json_object_set_new(object, "targets", targets);
	json_object_set_new(object, "mode", answer_text(session->mode ? session->mode : ""));
	json_object_set_new(object, "complete",
			    json_boolean(context->verdict->state == CAPTURE_COMPLETE));
	json_object_set_new(object, "state", json_string(context->verdict->reason));
	json_object_set_new(object, "source",
			    json_string(model->is_summary ? "summary" : "events"));
	json_object_set_new(object, "end_reason",
			    answer_text(model->has_end ? model->end.reason : ""));
	json_object_set_new(object, "sampling_bytes", answer_number(session->sampling_bytes));
	json_object_set_new(object, "functions", functions);
	json_object_set_new(object, "modules", answer_modules(model));
	return object;
}

static json_t *answer_events(const struct model *model)
{
	const struct live_totals *totals = model_totals(model);
	const struct counters_record *counters = &model->counters;
	uint64_t lost[LOSS_DISK + 1] = { 0 }, known = sum(counters->lost, counters->loss_count);

	memcpy(lost, counters->lost, counters->loss_count * sizeof(lost[0]));
	/* what the kernel sent and the file does not have, because the disk was full */
	if (model->has_end && model->end.events_lost > known)
		lost[LOSS_DISK] = model->end.events_lost - known;
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "allocations",
		answer_number(totals->allocations), "frees", answer_number(totals->frees),
		"reallocations", answer_number(totals->reallocations), "failed",
		answer_number(totals->failed), "free_of_unknown",
		answer_number(totals->frees_of_unknown - model->frees_of_inherited),
		"free_of_inherited", answer_number(model->frees_of_inherited), "missed_frees",
		answer_number(totals->missed_frees), "emitted",
		answer_number(model->has_end ? model->end.events_emitted : counters->emitted),
		"lost", answer_number(sum(lost, LOSS_DISK + 1)), "lost_by_reason",
		named_sums(loss_name, lost, LOSS_DISK + 1, 0));
}

static json_t *answer_totals(const struct model *model)
{
	const struct live_totals *totals = model_totals(model);

	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "allocated_bytes",
			 answer_number(totals->allocated_bytes), "freed_bytes",
			 answer_number(totals->freed_bytes), "live_bytes",
			 answer_number(totals->live_bytes), "live_blocks",
			 answer_number(totals->live_blocks), "peak_bytes",
			 answer_number(totals->peak_bytes), "peak_time_ns",
			 answer_number(totals->peak_time_ns), "ended_blocks",
			 answer_number(totals->ended_blocks), "temporary_blocks",
			 answer_number(model->temporary), "carried_bytes",
			 answer_number(totals->carried_bytes), "carried_blocks",
			 answer_number(totals->carried_blocks));
}

/* Who processes are: each is looked up, as a capture may have a million of them. */
struct whose {
	struct map targets; /* pid + 1 -> the last target that had it */
	struct map threads; /* key_of() of a program -> the last record of its first thread */
};

static uint64_t key_of(uint32_t pid, uint32_t program)
{
	uint64_t key = ((uint64_t)pid << 32 | program) + 1;

	return key ? key : 1;
}

/* Out of memory, some have no names. */
static struct whose whose_of(const struct model *model)
{
	struct whose whose = { 0 };

	for (size_t i = 0; i < model->target_count; i++)
		(void)map_put(&whose.targets, (uint64_t)model->targets[i].pid + 1, i);
	for (size_t i = 0; i < model->thread_count; i++) {
		const struct thread_record *thread = &model->threads[i];
		if (thread->comm && *thread->comm && thread->tid == thread->pid)
			(void)map_put(&whose.threads, key_of(thread->pid, thread->program), i);
	}
	return whose;
}

static void whose_free(struct whose *whose)
{
	map_free(&whose->targets);
	map_free(&whose->threads);
}

static int by_live_bytes(const void *a, const void *b)
{
	const struct process *left = *(struct process *const *)a,
			     *right = *(struct process *const *)b;

	if (left->live_bytes != right->live_bytes)
		return left->live_bytes < right->live_bytes ? 1 : -1;
	return left->allocated_bytes < right->allocated_bytes ? 1 : -1;
}

static json_t *answer_process(const struct model *model, const struct whose *whose,
			      const struct process *process)
{
	const uint64_t *target = map_get(&whose->targets, (uint64_t)process->pid + 1);
	const uint64_t *thread = map_get(&whose->threads, key_of(process->pid, process->program));
	/* exec gives a process another name: its first thread's */
	const char *comm = thread   ? model->threads[*thread].comm
			   : target ? model->targets[*target].comm
				    : "";
	json_t *row = json_pack("{s:I, s:o, s:o}", "pid", (json_int_t)process->pid, "comm",
				answer_text(comm), "exe",
				answer_text(target ? model->targets[*target].exe : ""));

	json_object_set_new(row, "program", answer_number(process->program));
	json_object_set_new(row, "live_bytes", answer_number(process->live_bytes));
	json_object_set_new(row, "live_blocks", answer_number(process->live_blocks));
	json_object_set_new(row, "peak_bytes", answer_number(process->peak_bytes));
	json_object_set_new(row, "allocated_bytes", answer_number(process->allocated_bytes));
	json_object_set_new(row, "allocations", answer_number(process->allocations));
	json_object_set_new(row, "reallocations", answer_number(process->reallocations));
	json_object_set_new(row, "frees", answer_number(process->frees));
	json_object_set_new(row, "failed", answer_number(process->failed));
	json_object_set_new(row, "first_ns", answer_number(process->first_ns));
	json_object_set_new(row, "last_ns", answer_number(process->last_ns));
	return row;
}

static json_t *answer_processes(const struct model *model)
{
	struct whose whose = whose_of(model);
	size_t count = model->processes.count;
	const struct process **sorted = calloc(count + 1, sizeof(*sorted));
	json_t *rows = json_array();

	for (size_t i = 0; sorted && i < count; i++)
		sorted[i] = &model->processes.items[i];
	if (sorted)
		qsort(sorted, count, sizeof(*sorted), by_live_bytes);
	for (size_t i = 0; sorted && i < count; i++)
		json_array_append_new(rows, answer_process(model, &whose, sorted[i]));
	free(sorted);
	whose_free(&whose);
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
					"time_ns", answer_number(record->time_ns));
		memcpy(numbers, &record->census, sizeof(numbers));
		for (size_t k = 0; k < CENSUS_FIELD_COUNT; k++)
			json_object_set_new(row, NAMES[k], answer_number(numbers[k]));
		json_array_append_new(rows, row);
	}
	return rows;
}

/* How much memory the processes had; null where that was not looked at. */
static json_t *answer_resident(const struct model *model)
{
	json_t *points = json_array(), *growth = json_null();
	struct growth fit;

	if (!model->resident_count) {
		json_decref(points);
		return json_null();
	}
	for (size_t i = 0; i < model->resident.count; i++)
		json_array_append_new(
			points,
			json_pack("[o, o]", answer_number(model->resident.points[i].time_ns),
				  answer_number(model->resident.points[i].live_bytes)));
	if (timeline_fit(model->resident.points, model->resident.count, model_growth_from_ns(model),
			 &fit))
		growth = json_pack("{s:f, s:f}", "bytes_per_s", fit.bytes_per_s,
				   "error_bytes_per_s", fit.error_bytes_per_s);
	return json_pack("{s:o, s:o, s:o, s:o}", "bytes", answer_number(model->resident_bytes),
			 "peak_bytes", answer_number(model->resident_peak_bytes), "growth", growth,
			 "timeline", points);
}

static json_t *answer_timeline(const struct model *model)
{
	json_t *points = json_array();

	for (size_t i = 0; i < model->timeline.count; i++) {
		const struct timeline_point *point = &model->timeline.points[i];
		json_array_append_new(points, json_pack("[o, o, o]", answer_number(point->time_ns),
							answer_number(point->live_bytes),
							answer_number(point->live_blocks)));
	}
	return points;
}

static json_t *answer_growth(const struct model *model)
{
	struct growth growth;
	uint64_t from = model_growth_from_ns(model);

	if (!timeline_fit(model->timeline.points, model->timeline.count, from, &growth))
		return json_null();
	return json_pack("{s:o, s:o, s:f, s:f, s:I}", "from_ns", answer_number(from), "to_ns",
			 answer_number(model_until_ns(model)), "bytes_per_s", growth.bytes_per_s,
			 "error_bytes_per_s", growth.error_bytes_per_s, "points",
			 (json_int_t)growth.points);
}

static json_t *answer_suppressed(const struct model *model)
{
	const struct live_totals *totals = &model->suppressed;

	return json_pack("{s:o, s:o, s:o, s:o}", "live_bytes", answer_number(totals->live_bytes),
			 "live_blocks", answer_number(totals->live_blocks), "allocated_bytes",
			 answer_number(totals->allocated_bytes), "allocations",
			 answer_number(totals->allocations));
}

static json_t *answer_quality(const struct model *model)
{
	const struct counters_record *counters = &model->counters;

	return json_pack(
		"{s:o, s:o, s:o, s:o}", "stacks",
		answer_number(sum(counters->stack_status, counters->status_count)), "complete",
		answer_number(counters->status_count ? counters->stack_status[0] : 0),
		"incomplete_by_reason",
		named_sums(answer_status_name, counters->stack_status, counters->status_count, 1),
		"records_lost", answer_number(counters->stacks_lost));
}
/* The stack that holds most of what is live. */
static json_t *answer_top(const struct model *model)
{
	const struct stack *top = NULL;

	for (size_t i = 0; i < model->stack_count; i++)
		if (model->stacks[i].sums.live_bytes &&
		    (!top || model->stacks[i].sums.live_bytes > top->sums.live_bytes))
			top = &model->stacks[i];
	return top ? json_pack("{s:o, s:o}", "live_bytes", answer_number(top->sums.live_bytes),
			       "frames", answer_frames(model, top, NULL))
		   : json_null();
}

/* null: nothing of it is known. */
static json_t *answer_overhead(const struct model *model, const struct overhead_totals *overhead)
{
	const char *allocator = overhead_allocator(model);

	if (!overhead->blocks || !allocator)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "allocator", allocator, "blocks",
			 answer_number(overhead->blocks), "asked_bytes",
			 answer_number(overhead->asked_bytes), "chunk_bytes",
			 answer_number(overhead->chunk_bytes), "unknown_blocks",
			 answer_number(overhead->unknown_blocks));
}

/* As it was asked, and when the moments were that it names. */
static json_t *answer_filter(const struct model *model, const json_t *question)
{
	json_t *filter = json_deep_copy(json_object_get(question, "filter"));

	if (model->filter.from_mark[0])
		json_object_set_new(filter, "from_ns", answer_number(model->filter.from_ns));
	if (model->filter.to_mark[0])
		json_object_set_new(filter, "to_ns", answer_number(model->filter.to_ns));
	return filter ? filter : json_null();
}

static json_t *answer_report(const struct answer_context *context, const json_t *question)
{
	const char *sort = json_string_value(json_object_get(question, "sort"));
	const struct sort_key *key = answer_sort_key(sort ? sort : "live");
	json_int_t limit = json_integer_value(json_object_get(question, "limit"));
	json_int_t from = json_integer_value(json_object_get(question, "from"));
	const struct model *model = context->model;
	size_t total = 0;

	if (!key)
		return json_pack("{s:s}", "error", "cannot sort by that");
	bool has_details = json_is_true(json_object_get(question, "details"));
	struct overhead overhead = { 0 };
	if (has_details && overhead_find(context->model, &overhead))
		return json_pack("{s:s}", "error", "there is not enough memory for it");
	model_finish(context->model);
	json_t *report = json_object();
	json_object_set_new(report, "capture", answer_capture(context));
	json_object_set_new(report, "filter", answer_filter(model, question));
	json_object_set_new(report, "events", answer_events(model));
	json_object_set_new(report, "totals", answer_totals(model));
	json_object_set_new(report, "stacks_quality", answer_quality(model));
	json_object_set_new(report, "processes", answer_processes(model));
	json_object_set_new(report, "censuses", answer_censuses(model));
	json_object_set_new(report, "timeline", answer_timeline(model));
	json_object_set_new(report, "resident", answer_resident(model));
	json_object_set_new(report, "growth", answer_growth(model));
	if (has_details) {
		json_object_set_new(report, "overhead",
				    answer_overhead(context->model, &overhead.totals));
		json_object_set_new(report, "growing", answer_growing(model));
		json_object_set_new(report, "over_time_ns", answer_moments(model));
	}
	json_object_set_new(report, "markers", answer_markers(model));
	json_object_set_new(report, "markers_total", answer_number(model->markers_seen));
	json_object_set_new(report, "tags", answer_tags(model));
	json_object_set_new(report, "top", answer_top(model));
	json_object_set_new(report, "suppressed", answer_suppressed(model));
	json_object_set_new(report, "sizes", answer_sizes(model));
	json_object_set_new(report, "lifetimes", answer_lifetimes(model));
	const char *by = json_string_value(json_object_get(question, "by"));
	if (by && strcmp(by, "tag") == 0 && !model->has_tag_sums) {
		json_decref(report);
		overhead_free(&overhead);
		return json_pack("{s:s}", "error",
				 "tags are counted where the first question is about them");
	}
	if (by) {
		json_t *groups = answer_groups(model, by, key);
		if (!groups) {
			json_decref(report);
			overhead_free(&overhead);
			return json_pack(
				"{s:s}", "error",
				"cannot group by that, or there is not enough memory for it");
		}
		json_object_set_new(report, "groups", groups);
	}
	const char *peek = json_string_value(json_object_get(question, "peek"));
	if (peek)
		json_object_set_new(report, "peek", answer_peek(model, peek, key));
	json_object_set_new(report, "mapped", answer_mapped(model, limit > 0 ? (size_t)limit : 0));
	json_object_set_new(report, "sort", json_string(answer_sort_name(key)));
	json_object_set_new(report, "rows",
			    answer_rows(model, key, from > 0 ? (size_t)from : 0,
					limit > 0 ? (size_t)limit : 0,
					has_details ? &overhead : NULL, &total));
	json_object_set_new(report, "rows_total", answer_number(total));
	if (json_is_true(json_object_get(question, "tree")))
		json_object_set_new(
			report, "tree",
			answer_tree(model, key,
				    json_is_true(json_object_get(question, "bottom_up"))));
	json_int_t hotspots = json_integer_value(json_object_get(question, "hotspots"));
	if (hotspots > 0)
		json_object_set_new(report, "hotspots", answer_hotspots(model, (size_t)hotspots));
	overhead_free(&overhead);
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
