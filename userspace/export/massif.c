// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * massif's file, for ms_print and massif-visualizer: what was live over time, and who held it at
 * the peak and at the end. Format: the chapter on massif of valgrind's manual, and ms_print itself.
 */
#include "export/export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* As massif has them where nothing else is asked for: what is smaller is put together, and callers
 * that are further out are left out. */
#define THRESHOLD_PERCENT 1
#define DEPTH_MAX	  30

enum moment {
	AT_PEAK,
	AT_END,
	MOMENT_COUNT
};

static const char *const FIELDS[MOMENT_COUNT] = { "at_peak_bytes", "live_bytes" };

struct stack {
	size_t depth;
	size_t *frames; /* places in lines, leaf first */
	uint64_t bytes[MOMENT_COUNT];
};

struct state {
	struct export_lines lines;
	struct stack *stacks;
	size_t count, capacity;
	unsigned int snapshots; /* written */
};

/* Stacks [from, to) that have a frame in common: a node of the tree. */
struct node {
	size_t from, to;
	uint64_t bytes;
};

static void begin(struct export *export)
{
	struct state *state = calloc(1, sizeof(*state));

	export->state = state;
	export->has_failed = !state;
	if (state)
		export_lines_begin(&state->lines);
}

static struct stack *add_stack(struct state *state, size_t depth)
{
	if (state->count == state->capacity) {
		size_t capacity = state->capacity ? state->capacity * 2 : 256;
		struct stack *grown = realloc(state->stacks, capacity * sizeof(*grown));
		if (!grown)
			return NULL;
		state->stacks = grown;
		state->capacity = capacity;
	}
	struct stack *stack = &state->stacks[state->count];
	*stack = (struct stack) { .depth = depth, .frames = calloc(depth + 1, sizeof(size_t)) };
	state->count += stack->frames != NULL;
	return stack->frames ? stack : NULL;
}

static void write_row(struct export *export, const json_t *row)
{
	struct state *state = export->state;
	const json_t *frames = json_object_get(row, "frames");
	struct stack *stack = state ? add_stack(state, json_array_size(frames)) : NULL;

	export->has_failed |= !stack;
	for (size_t i = 0; stack && i < stack->depth; i++)
		stack->frames[i] = export_lines_index(&state->lines, json_array_get(frames, i));
	for (size_t i = 0; stack && i < MOMENT_COUNT; i++)
		stack->bytes[i] = export_number(row, FIELDS[i]);
}

/* Stacks that begin with the same frames are next to each other then. */
static int by_frames(const void *a, const void *b)
{
	const struct stack *left = a, *right = b;

	for (size_t i = 0; i < left->depth && i < right->depth; i++)
		if (left->frames[i] != right->frames[i])
			return left->frames[i] < right->frames[i] ? -1 : 1;
	return left->depth < right->depth ? -1 : left->depth > right->depth;
}

static int by_bytes(const void *a, const void *b)
{
	const struct node *left = a, *right = b;

	if (left->bytes != right->bytes)
		return left->bytes < right->bytes ? 1 : -1;
	return left->from < right->from ? -1 : 1;
}

/* The callers at that depth that hold something, one node each; stacks that end before have none.
 */
static size_t find_nodes(const struct state *state, const struct node *parent, size_t depth,
			 enum moment moment, struct node *nodes)
{
	size_t count = 0;

	for (size_t i = parent->from; i < parent->to; i++) {
		const struct stack *stack = &state->stacks[i];
		if (stack->depth <= depth || !stack->bytes[moment])
			continue;
		size_t frame = stack->frames[depth];
		if (!count || state->stacks[nodes[count - 1].from].frames[depth] != frame)
			nodes[count++] = (struct node) { .from = i };
		nodes[count - 1].to = i + 1;
		nodes[count - 1].bytes = export_add(nodes[count - 1].bytes, stack->bytes[moment]);
	}
	return count;
}

/* A name with what ms_print takes for the beginning of a comment would be cut there. */
static void write_text(FILE *out, const char *text)
{
	for (; *text; text++)
		if (*text == '#')
			fputs("\\x23", out);
		else
			putc(*text, out);
}

/* False: out of memory. */
static bool write_node(struct export *export, const struct node *node, size_t depth,
		       enum moment moment, uint64_t least)
{
	const struct state *state = export->state;
	struct node *nodes = calloc(node->to - node->from + 1, sizeof(*nodes));
	size_t count = 0, kept = 0;
	uint64_t rest = 0;
	bool is_done = true;

	if (!nodes)
		return false;
	if (depth < DEPTH_MAX)
		count = find_nodes(state, node, depth, moment, nodes);
	qsort(nodes, count, sizeof(*nodes), by_bytes);
	while (kept < count && nodes[kept].bytes >= least)
		kept++;
	for (size_t i = kept; i < count; i++)
		rest += nodes[i].bytes;
	fprintf(export->out, "%*sn%zu: %" PRIu64 " ", (int)depth, "", kept + (rest > 0),
		node->bytes);
	write_text(export->out,
		   depth ? json_string_value(json_array_get(
				   state->lines.lines, state->stacks[node->from].frames[depth - 1]))
			 : "(heap allocation functions) malloc/new/new[], --alloc-fns, etc.");
	putc('\n', export->out);
	for (size_t i = 0; is_done && i < kept; i++)
		is_done = write_node(export, &nodes[i], depth + 1, moment, least);
	if (rest)
		fprintf(export->out,
			"%*sn0: %" PRIu64
			" in %zu places, all below massif's threshold (%d.00%%)\n",
			(int)depth + 1, "", rest, count - kept, THRESHOLD_PERCENT);
	free(nodes);
	return is_done;
}

static void write_snapshot(struct export *export, uint64_t time_ns, uint64_t bytes,
			   const char *tree)
{
	struct state *state = export->state;

	fprintf(export->out,
		"#-----------\nsnapshot=%u\n#-----------\ntime=%" PRIu64 ".%06" PRIu64
		"\nmem_heap_B=%" PRIu64 "\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=%s\n",
		state->snapshots++, time_ns / 1000000, time_ns % 1000000, bytes, tree);
}

static void write_detailed(struct export *export, uint64_t time_ns, uint64_t bytes,
			   enum moment moment)
{
	const struct state *state = export->state;
	struct node root = { .to = state->count, .bytes = bytes };
	uint64_t least = bytes * THRESHOLD_PERCENT / 100;

	write_snapshot(export, time_ns, bytes, moment == AT_PEAK ? "peak" : "detailed");
	export->has_failed |= !write_node(export, &root, 0, moment, least ? least : 1);
}

/* What was live at points [*i, …) of the timeline before until_ns. */
static void write_points(struct export *export, size_t *i, uint64_t until_ns)
{
	const json_t *timeline = json_object_get(export->report, "timeline"), *point;

	for (; (point = json_array_get(timeline, *i)); ++*i) {
		uint64_t time_ns = (uint64_t)json_integer_value(json_array_get(point, 0));
		if (time_ns >= until_ns)
			return;
		write_snapshot(export, time_ns,
			       (uint64_t)json_integer_value(json_array_get(point, 1)), "empty");
	}
}

static void write_snapshots(struct export *export)
{
	const json_t *totals = json_object_get(export->report, "totals");
	uint64_t peak_ns = export_number(totals, "peak_time_ns"),
		 peak = export_number(totals, "peak_bytes"), end_ns = export_end_ns(export->report);
	size_t i = 0;

	if (peak) {
		write_points(export, &i, peak_ns);
		write_detailed(export, peak_ns, peak, AT_PEAK);
	}
	end_ns = end_ns > peak_ns ? end_ns : peak_ns;
	write_points(export, &i, end_ns);
	write_detailed(export, end_ns, export_number(totals, "live_bytes"), AT_END);
}

static void end(struct export *export)
{
	struct state *state = export->state;
	char command[4096];

	if (!state)
		return;
	qsort(state->stacks, state->count, sizeof(*state->stacks), by_frames);
	fputs("desc: heaptrail\ncmd: ", export->out);
	write_text(export->out, export_target_name(export->report, command, sizeof(command)));
	fputs("\ntime_unit: ms\n", export->out);
	write_snapshots(export);
	for (size_t i = 0; i < state->count; i++)
		free(state->stacks[i].frames);
	free(state->stacks);
	export_lines_end(&state->lines);
	free(state);
}

const struct export_format EXPORT_MASSIF = { "massif", "for ms_print and massif-visualizer",
					     begin,    write_row,
					     NULL,     end };
