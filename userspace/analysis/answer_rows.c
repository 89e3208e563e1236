// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of stacks and the tree of calls. */
#include "analysis/answer_parts.h"
#include "analysis/tree.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TREE_DEPTH_MAX 512

#define ERRORS_OFF	 2 /* what is surely growth: the slope less so many times its standard error */
#define GROWTH_IN_UINT64 1024 /* parts of a byte a second */

/* By what rows and tree nodes are sorted; a new key is a new row. */
static const struct sort_key {
	const char *name;
	size_t field;
	bool is_growth; /* then by live, where nothing grows */
} SORT_KEYS[] = {
	{ "live", offsetof(struct stack_sums, live_bytes), false },
	{ "blocks", offsetof(struct stack_sums, live_blocks), false },
	{ "peak", offsetof(struct stack_sums, peak_bytes), false },
	{ "most-blocks", offsetof(struct stack_sums, most_blocks), false },
	{ "allocated", offsetof(struct stack_sums, allocated_bytes), false },
	{ "count", offsetof(struct stack_sums, allocations), false },
	{ "temporary", offsetof(struct stack_sums, temporary), false },
	{ "grown", offsetof(struct stack_sums, grown), false },
	{ "growth", offsetof(struct stack_sums, live_bytes), true },
};

const struct sort_key *answer_sort_key(const char *name)
{
	for (size_t i = 0; i < sizeof(SORT_KEYS) / sizeof(SORT_KEYS[0]); i++)
		if (strcmp(SORT_KEYS[i].name, name) == 0)
			return &SORT_KEYS[i];
	return NULL;
}

const char *answer_sort_name(const struct sort_key *key)
{
	return key->name;
}

uint64_t answer_value(const struct stack_sums *sums, const struct sort_key *key)
{
	uint64_t value;

	memcpy(&value, (const char *)sums + key->field, sizeof(value));
	return value;
}

void answer_sums(json_t *object, const struct stack_sums *sums)
{
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = {
		{ "live_bytes", sums->live_bytes },
		{ "live_blocks", sums->live_blocks },
		{ "peak_bytes", sums->peak_bytes },
		{ "peak_blocks", sums->peak_blocks },
		{ "most_blocks", sums->most_blocks },
		{ "at_peak_bytes", sums->at_peak_bytes },
		{ "at_peak_blocks", sums->at_peak_blocks },
		{ "allocated_bytes", sums->allocated_bytes },
		{ "allocations", sums->allocations },
		{ "reallocations", sums->reallocations },
		{ "frees", sums->frees },
		{ "temporary", sums->temporary },
		{ "grown", sums->grown },
		{ "grown_from_bytes", sums->grown_from_bytes },
		{ "grown_to_bytes", sums->grown_to_bytes },
		{ "longest_chain", sums->longest_chain },
		{ "ended", sums->ended },
		{ "mean_lifetime_ns", sums->ended ? sums->lifetime_ns / sums->ended : 0 },
		{ "lifetime_us", sums->lifetime_us },
		{ "first_ns", sums->first_ns },
		{ "last_ns", sums->last_ns },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(object, fields[i].name, answer_number(fields[i].value));
}

/* False: it has too few points, or is not in the part of the time that is looked at. */
static bool fit_stack(const struct model *model, const struct stack *stack, struct growth *growth)
{
	struct timeline_point points[HISTORY_MAX];
	size_t count = model_history(model, stack, points);

	return timeline_fit(points, count, model_growth_from_ns(model), growth);
}

/* What it surely grows by; 0: it may as well not. */
static double sure_growth(const struct growth *growth)
{
	double sure = growth->bytes_per_s - ERRORS_OFF * growth->error_bytes_per_s;

	return sure > 0 ? sure : 0;
}

static json_t *answer_growth_of(const struct growth *growth)
{
	return json_pack("{s:f, s:f}", "bytes_per_s", growth->bytes_per_s, "error_bytes_per_s",
			 growth->error_bytes_per_s);
}

/* Live bytes at the moments of "over_time_ns". */
static void set_over_time(json_t *row, const struct model *model, const struct stack *stack)
{
	struct timeline_point points[HISTORY_MAX];
	size_t count = model_history(model, stack, points);
	json_t *bytes = json_array();
	struct growth growth;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(bytes, answer_number(points[i].live_bytes));
	json_object_set_new(row, "over_time", bytes);
	json_object_set_new(row, "growth",
			    fit_stack(model, stack, &growth) ? answer_growth_of(&growth)
							     : json_null());
}

json_t *answer_moments(const struct model *model)
{
	json_t *moments = json_array();

	for (size_t i = 0; i < model->timeline.count; i += HISTORY_EVERY)
		json_array_append_new(moments, answer_number(model->timeline.points[i].time_ns));
	return moments;
}

json_t *answer_growing(const struct model *model)
{
	const struct stack *most = NULL;
	struct growth growth, best = { 0 };

	for (size_t i = 0; i < model->stack_count; i++) {
		const struct stack *stack = &model->stacks[i];
		/* who never had anything live at a point does not grow */
		if (!stack->sums.live_bytes || !fit_stack(model, stack, &growth) ||
		    sure_growth(&growth) <= sure_growth(&best))
			continue;
		most = stack;
		best = growth;
	}
	if (!most)
		return json_null();
	json_t *growing = answer_growth_of(&best);
	json_object_set_new(growing, "frames", answer_frames(model, most, NULL));
	return growing;
}

struct ranked {
	uint64_t value, then;
	uint32_t id;
};

static struct ranked rank(const struct model *model, const struct sort_key *key, size_t id)
{
	const struct stack *stack = &model->stacks[id];
	struct ranked ranked = { answer_value(&stack->sums, key), 0, (uint32_t)id };
	struct growth growth;

	if (!key->is_growth)
		return ranked;
	ranked.then = ranked.value;
	ranked.value = fit_stack(model, stack, &growth)
			       ? (uint64_t)fmin(sure_growth(&growth) * GROWTH_IN_UINT64, 1e18)
			       : 0;
	return ranked;
}

static int by_value(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;

	if (left->value != right->value)
		return left->value < right->value ? 1 : -1;
	if (left->then != right->then)
		return left->then < right->then ? 1 : -1;
	return left->id < right->id ? -1 : left->id > right->id;
}

json_t *answer_rows(const struct model *model, const struct sort_key *key, size_t from,
		    size_t limit, const struct overhead *overhead, size_t *total)
{
	struct ranked *ranked = malloc((model->stack_count + 1) * sizeof(*ranked));
	json_t *rows = json_array();
	size_t count = 0, weight = 0;

	for (size_t i = 0; ranked && i < model->stack_count; i++)
		if (stack_sums_has_any(&model->stacks[i].sums))
			ranked[count++] = rank(model, key, i);
	if (ranked)
		qsort(ranked, count, sizeof(*ranked), by_value);
	for (size_t i = from;
	     i < count && (!limit || i - from < limit) && weight < ANSWER_WEIGHT_MAX; i++) {
		const struct stack *stack = &model->stacks[ranked[i].id];
		json_t *row = json_pack("{s:I}", "id", (json_int_t)ranked[i].id);
		struct stack_sums sums = model_sums(model, &stack->sums);
		answer_sums(row, &sums);
		if (overhead)
			set_over_time(row, model, stack);
		if (overhead && overhead->by_stack)
			json_object_set_new(row, "overhead_bytes",
					    answer_number(overhead->by_stack[ranked[i].id]));
		json_object_set_new(row, "status", json_string(answer_status(stack)));
		json_object_set_new(row, "frames", answer_frames(model, stack, &weight));
		json_array_append_new(rows, row);
	}
	free(ranked);
	*total = count;
	return rows;
}

static int by_node(const void *a, const void *b, void *key)
{
	uint64_t left = answer_value(&(*(struct tree_node *const *)a)->sums, key);
	uint64_t right = answer_value(&(*(struct tree_node *const *)b)->sums, key);

	return left < right ? 1 : left > right ? -1 : 0;
}

/* A node's children that carry at least `least` of the key, best first. */
static json_t *answer_children(const struct tree_node *node, const struct sort_key *key,
			       uint64_t least, int depth, size_t *weight)
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
		if (answer_value(&child->sums, key) >= least)
			sorted[count++] = child;
	qsort_r(sorted, count, sizeof(*sorted), by_node, (void *)key);
	for (size_t i = 0; i < count && *weight < ANSWER_WEIGHT_MAX; i++) {
		json_t *entry = answer_frame(&sorted[i]->frame, weight);
		answer_sums(entry, &sorted[i]->sums);
		json_object_set_new(entry, "children",
				    answer_children(sorted[i], key, least, depth + 1, weight));
		json_array_append_new(list, entry);
	}
	free(sorted);
	return list;
}

/* Branches under half a percent are left out: a tree is read, not added up. */
json_t *answer_tree(const struct model *model, const struct sort_key *key, bool is_bottom_up)
{
	struct tree_node *root = tree_new(model, is_bottom_up);

	if (!root)
		return NULL;
	uint64_t least = answer_value(&root->sums, key) / 200;
	size_t weight = 0;
	json_t *tree = json_object();
	answer_sums(tree, &root->sums);
	json_object_set_new(tree, "children",
			    answer_children(root, key, least ? least : 1, 0, &weight));
	tree_free(root);
	return tree;
}

/* Each list: the first rows by another key. */
json_t *answer_hotspots(const struct model *model, size_t limit)
{
	static const char *const KEYS[] = { "peak", "most-blocks", "live", "blocks" };
	json_t *lists = json_object();

	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
		size_t total;
		json_object_set_new(
			lists, KEYS[i],
			answer_rows(model, answer_sort_key(KEYS[i]), 0, limit, NULL, &total));
	}
	return lists;
}
