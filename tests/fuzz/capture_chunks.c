// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a reader makes of a capture: the bytes are its chunks (tests/fuzz/chunks.h); the first byte
 * says what is asked then. Sums by stack, thread, allocator and process are those of all, and so
 * are those of the events that are told one by one, and of a summary. The answers are JSON that can
 * be printed. A summary may be anything, too.
 */
#include "analysis/answer.h"
#include "analysis/summary.h"
#include "tests/fuzz/chunks.h"

static const char *const QUESTIONS[] = {
	"{\"ask\":\"report\",\"sort\":\"live\",\"limit\":0,\"from\":0,\"tree\":false,"
	"\"by\":\"function\"}",
	"{\"ask\":\"report\",\"sort\":\"peak\",\"limit\":3,\"from\":1,\"tree\":true,"
	"\"by\":\"module\"}",
	"{\"ask\":\"report\",\"sort\":\"temporary\",\"limit\":0,\"from\":0,\"tree\":true,"
	"\"bottom_up\":true,\"by\":\"thread\"}",
	"{\"ask\":\"report\",\"sort\":\"allocated\",\"limit\":1,\"from\":0,\"by\":\"allocator\"}",
	"{\"ask\":\"report\",\"sort\":\"live\",\"limit\":0,\"from\":0,\"by\":\"tag\"}",
	"{\"ask\":\"gaps\"}",
};

/* That every report has, whatever is in them. */
static const char *const FIELDS[] = { "capture",   "events", "totals",	   "stacks_quality",
				      "processes", "growth", "timeline",   "resident",
				      "top",	   "sizes",  "suppressed", "lifetimes",
				      "groups",	   "mapped", "rows",	   "rows_total",
				      "markers",   "tags" };

#define NARROW .is_set = true, .size_max = UINT64_MAX, .to_ns = UINT64_MAX

static const struct filter FILTERS[] = {
	FILTER_NONE,
	{ .is_set = true,
	  .pid = 7,
	  .size_max = 4096,
	  .from_ns = 5,
	  .to_ns = 1000000,
	  .age_max_ns = UINT64_MAX },
	{ NARROW, .age_max_ns = UINT64_MAX, .function = "*main*" },
	{ NARROW, .age_max_ns = UINT64_MAX, .module = "lib*" },
	{ NARROW, .age_max_ns = UINT64_MAX, .thread = "w?rker" },
	{ NARROW, .age_max_ns = UINT64_MAX, .at_peak = 1 },
	{ NARROW, .age_max_ns = 1000000, .age_min_ns = 1000 },
	{ NARROW, .age_max_ns = UINT64_MAX, .suppressed = "^main$\nlibc\nwork*app" },
	{ NARROW, .age_max_ns = 5000000, .at_peak = 1, .suppressed = "main" },
	{ NARROW, .age_max_ns = UINT64_MAX, .tag = "r*" },
	{ NARROW, .age_max_ns = UINT64_MAX, .from_mark = "m", .to_mark = "n", .at_peak = 1 },
};

#define QUESTION_COUNT (sizeof(QUESTIONS) / sizeof(QUESTIONS[0]))
#define FILTER_COUNT   (sizeof(FILTERS) / sizeof(FILTERS[0]))

struct told {
	uint64_t bytes, blocks; /* that live after it */
};

static void hear(void *context, const struct block_event *event)
{
	struct told *told = context;
	struct bytes_buffer out = { 0 };
	struct block_event again;

	block_event_put(&out, event);
	struct bytes_reader in = bytes_reader_on(out.data, out.size);
	require(block_event_get(&in, &again) && !bytes_left(&in));
	require(again.kind == event->kind && again.flags == event->flags &&
		again.size == event->size && again.old_size == event->old_size &&
		again.stack == event->stack && again.old_stack == event->old_stack);
	bytes_free(&out);
	told->bytes += event->flags & BLOCK_EVENT_HAS_NEW ? event->size : 0;
	told->bytes -= event->flags & BLOCK_EVENT_HAS_OLD ? event->old_size : 0;
	told->blocks += !!(event->flags & BLOCK_EVENT_HAS_NEW);
	told->blocks -= !!(event->flags & BLOCK_EVENT_HAS_OLD);
}

/* One by one they are what the sums say. */
static void tell(const struct model *model, const uint8_t *data, size_t size)
{
	const struct live_totals *totals = model_totals(model);
	struct told told = { 0 };
	struct model again;

	require(model_open_again(&again, model) == 0);
	again.tell = hear;
	again.tell_context = &told;
	require(chunks_feed(&again, data, size, CHUNKS_OF_REST) == 0);
	require(told.bytes == totals->live_bytes && told.blocks == totals->live_blocks);
	require(model_totals(&again)->peak_bytes == totals->peak_bytes);
	model_close(&again);
}

static void check_blocks(const struct model *model)
{
	const struct live_totals *totals = model_totals(model);
	uint64_t stacks = 0, threads = 0, functions = 0, processes = 0, sizes = 0, tags = 0;

	for (size_t i = 0; i < model->stack_count; i++)
		stacks += model->stacks[i].sums.live_bytes;
	for (size_t i = 0; i < model->thread_state_count; i++)
		threads += model->thread_states[i].sums.live_bytes;
	for (size_t i = 0; i < model->tag_sum_count; i++)
		tags += model->tag_sums[i].live_bytes;
	for (size_t i = 0; i < 256; i++)
		functions += model->function_sums[i].live_bytes;
	for (size_t i = 0; i < model->processes.count; i++)
		processes += model->processes.items[i].live_bytes;
	for (size_t i = 0; i < BINS; i++)
		sizes += model->sizes[i].live_bytes;
	require(stacks == totals->live_bytes && threads == totals->live_bytes);
	require(functions == totals->live_bytes && sizes == totals->live_bytes);
	require(processes == totals->live_bytes);
	require(!model->has_tag_sums || tags == totals->live_bytes);
}

static int take_summary(void *context, const struct bytes_buffer *payload)
{
	require(payload->size <= CAPTURE_RAW_MAX);
	return model_feed(context, CHUNK_SUMMARY, payload->data, payload->size);
}

/* What the recorder would have summed up. */
static void sum_up(struct model *model)
{
	struct model summed;

	require(model_open_summary(&summed) == 0);
	model_finish(model);
	require(summary_put(model, NULL, 0, take_summary, &summed) == 0);
	check_blocks(&summed);
	require(memcmp(model_totals(&summed), model_totals(model), sizeof(struct live_totals)) ==
		0);
	require(summed.mapped_totals.sums.live_bytes == model->mapped_totals.sums.live_bytes);
	require(summed.processes.count == model->processes.count);
	require(summed.timeline.count == model->timeline.count);
	model_close(&summed);
}

static void add_range(void *context, const struct range *range)
{
	*(uint64_t *)context += range->passes ? range->size : 0;
}

static void check_mapped(const struct model *model)
{
	uint64_t stacks = 0, ranges = 0;

	for (size_t i = 0; i < model->stack_count; i++)
		stacks += model->stacks[i].mapped.live_bytes;
	mapped_visit(model->mapped, add_range, &ranges);
	require(stacks == model->mapped_totals.sums.live_bytes);
	require(ranges == model->mapped_totals.sums.live_bytes);
}

static void check_memory(const struct model *model)
{
	const struct map *map = &model->resident_by_pid;
	uint64_t sum = 0;

	for (size_t i = 0; i < map->capacity; i++)
		sum += map->slots[i].key ? map->slots[i].value : 0;
	require(sum == model->resident_bytes);
}

static void ask(struct model *model, const char *text)
{
	static const struct capture_verdict VERDICT = { .reason = "complete" };
	struct answer_context context = { .model = model, .verdict = &VERDICT };
	json_t *question = json_loads(text, 0, NULL), *reply;

	require(question);
	reply = answer(&context, question);
	require(reply);
	/* a summary has no sums by tag */
	const char *by = json_string_value(json_object_get(question, "by"));
	bool is_refused = by && strcmp(by, "tag") == 0 && model->is_summary;
	require(!is_refused || json_object_get(reply, "error"));
	for (size_t i = 0; by && !is_refused && i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++)
		require(json_object_get(reply, FIELDS[i]));
	char *document = json_dumps(reply, JSON_COMPACT);
	require(document);
	free(document);
	json_decref(reply);
	json_decref(question);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model model;
	uint8_t what = take_byte(&data, &size);

	json_object_seed(1);
	if (what % 16 == 15) {
		require(model_open_summary(&model) == 0);
		if (!chunks_feed(&model, data, size, CHUNKS_OF_SUMMARY))
			ask(&model, QUESTIONS[what / FILTER_COUNT % QUESTION_COUNT]);
	} else if (what % 16 == 14) {
		require(model_open(&model, &FILTERS[1]) == 0);
		require(model_count_tags(&model) == 0);
		model.is_resumed = true;
		if (!chunks_feed(&model, data, size, CHUNKS_ALL))
			ask(&model, QUESTIONS[what / FILTER_COUNT % QUESTION_COUNT]);
	} else if (!chunks_read(&model, data, size, &FILTERS[what % FILTER_COUNT])) {
		check_blocks(&model);
		check_mapped(&model);
		check_memory(&model);
		tell(&model, data, size);
		if (!model.filter.is_set)
			sum_up(&model);
		ask(&model, QUESTIONS[what / FILTER_COUNT % QUESTION_COUNT]);
	}
	model_close(&model);
	return 0;
}
