// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of stacks and the tree of calls. */
#include "analysis/answer_parts.h"
#include "analysis/tree.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define TREE_DEPTH_MAX 512

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
		{ "at_peak_bytes", sums->at_peak_bytes },
		{ "at_peak_blocks", sums->at_peak_blocks },
		{ "allocated_bytes", sums->allocated_bytes },
		{ "allocations", sums->allocations },
		{ "reallocations", sums->reallocations },
		{ "frees", sums->frees },
		{ "temporary", sums->temporary },
		{ "ended", sums->ended },
		{ "mean_lifetime_ns", sums->ended ? sums->lifetime_ns / sums->ended : 0 },
		{ "lifetime_us", sums->lifetime_us },
		{ "first_ns", sums->first_ns },
		{ "last_ns", sums->last_ns },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		json_object_set_new(object, fields[i].name, answer_number(fields[i].value));
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

json_t *answer_rows(const struct model *model, const struct sort_key *key, size_t from,
		    size_t limit, size_t *total)
{
	struct ranked *ranked = malloc((model->stack_count + 1) * sizeof(*ranked));
	json_t *rows = json_array();
	size_t count = 0, frames = 0;

	for (size_t i = 0; ranked && i < model->stack_count; i++)
		if (stack_sums_has_any(&model->stacks[i].sums))
			ranked[count++] = (struct ranked) {
				answer_value(&model->stacks[i].sums, key), (uint32_t)i
			};
	if (ranked)
		qsort(ranked, count, sizeof(*ranked), by_value);
	for (size_t i = from;
	     i < count && (!limit || i - from < limit) && frames < ANSWER_FRAMES_MAX; i++) {
		const struct stack *stack = &model->stacks[ranked[i].id];
		json_t *row = json_pack("{s:I}", "id", (json_int_t)ranked[i].id);
		struct stack_sums sums = model_sums(model, &stack->sums);
		answer_sums(row, &sums);
		json_object_set_new(row, "status", json_string(answer_status(stack)));
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
	uint64_t left = answer_value(&(*(struct tree_node *const *)a)->sums, key);
	uint64_t right = answer_value(&(*(struct tree_node *const *)b)->sums, key);

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
		if (answer_value(&child->sums, key) >= least)
			sorted[count++] = child;
	qsort_r(sorted, count, sizeof(*sorted), by_node, (void *)key);
	for (size_t i = 0; i < count; i++) {
		json_t *entry = answer_frame(&sorted[i]->frame);
		answer_sums(entry, &sorted[i]->sums);
		json_object_set_new(entry, "children",
				    answer_children(sorted[i], key, least, depth + 1));
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
	json_t *tree = json_object();
	answer_sums(tree, &root->sums);
	json_object_set_new(tree, "children", answer_children(root, key, least ? least : 1, 0));
	tree_free(root);
	return tree;
}
