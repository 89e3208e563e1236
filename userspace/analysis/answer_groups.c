// SPDX-License-Identifier: GPL-2.0-or-later
/* Sums by something else than the stack. */
#include "analysis/answer_parts.h"
#include "analysis/function_index.h"
#include "analysis/model_parts.h"
#include "analysis/tree.h"

#include <stdlib.h>
#include <string.h>

#define GROUPS_SHOWN_MAX 10000

struct group {
	struct stack_sums sums;
	struct stack_sums
		own; /* of a function: what it has allocated itself, or by what has no name */
	const char *name, *module; /* module "": not of one */
	uint32_t pid, tid;
	uint32_t last_stack; /* that was added: in a recursion it counts once */
	/* of a tag */
	char *copy;	/* of its name, that ends before a slash of another's; else NULL */
	size_t above;	/* number of the group that it is below, + 1; 0: none */
	uint32_t depth; /* how many it is below */
};

struct groups {
	const struct model *model;
	struct group *items;
	size_t count;
	struct function_index index; /* of functions, or modules: the numbers of items */
	bool has_failed;
};

/* Modules are told apart by their path's pointer. */
static const char NO_MODULE[] = "";

static struct group *add_group(struct groups *groups)
{
	size_t count = groups->count;

	if ((count & (count - 1)) == 0) {
		struct group *more = realloc(groups->items,
					     (count ? 2 * count : 1) * sizeof(*more));
		if (!more)
			return NULL;
		groups->items = more;
	}
	groups->items[count] = (struct group) { .name = "", .module = "" };
	return &groups->items[groups->count++];
}

/* module: a pointer that all frames of the module share. */
static struct group *find_or_add(struct groups *groups, const char *name, const char *module)
{
	size_t number;

	if (function_index_find(&groups->index, name, module, &number))
		return NULL;
	if (number < groups->count)
		return &groups->items[number];
	struct group *group = add_group(groups);
	if (group) {
		group->name = name;
		group->module = module;
	}
	return group;
}

static void add_to(struct groups *groups, struct group *group, const struct stack_sums *sums,
		   uint32_t stack, bool is_own)
{
	if (!group) {
		groups->has_failed = true;
		return;
	}
	if (is_own)
		tree_add_sums(&group->own, sums);
	if (group->last_stack == stack + 1)
		return;
	group->last_stack = stack + 1;
	tree_add_sums(&group->sums, sums);
}

static void by_function(struct groups *groups, const struct stack *stack, uint32_t id)
{
	const struct stack_sums sums = model_sums(groups->model, &stack->sums);
	struct named_frame names[NAMES_INLINE_MAX];
	bool is_first = true;

	if (!stack->frame_count)
		add_to(groups, find_or_add(groups, "", NO_MODULE), &sums, id, true);
	for (uint32_t i = 0; i < stack->frame_count; i++) {
		size_t count = frame_names(groups->model, &stack->frames[i], names);
		for (size_t k = 0; k < count; k++, is_first = false)
			add_to(groups, find_or_add(groups, names[k].function, names[k].module),
			       &sums, id, is_first);
	}
}

static void by_module(struct groups *groups, const struct stack *stack, uint32_t id)
{
	const struct stack_sums sums = model_sums(groups->model, &stack->sums);
	struct named_frame names[NAMES_INLINE_MAX];

	if (!stack->frame_count)
		add_to(groups, find_or_add(groups, "", NO_MODULE), &sums, id, true);
	for (uint32_t i = 0; i < stack->frame_count; i++) {
		frame_names(groups->model, &stack->frames[i], names);
		add_to(groups, find_or_add(groups, names[0].module, NO_MODULE), &sums, id, i == 0);
	}
}

static void of_stacks(struct groups *groups,
		      void (*add)(struct groups *groups, const struct stack *stack, uint32_t id))
{
	for (size_t i = 0; i < groups->model->stack_count; i++) {
		const struct stack *stack = &groups->model->stacks[i];
		if (stack_sums_has_any(&stack->sums))
			add(groups, stack, (uint32_t)i);
	}
}

static void of_functions(struct groups *groups)
{
	of_stacks(groups, by_function);
}

static void of_modules(struct groups *groups)
{
	of_stacks(groups, by_module);
}

static void of_threads(struct groups *groups)
{
	const struct model *model = groups->model;

	for (size_t i = 0; i < model->thread_state_count; i++) {
		const struct stack_sums *sums = &model->thread_states[i].sums;
		const struct thread_record *thread = i < model->thread_count ? &model->threads[i]
									     : NULL;
		struct group *group = stack_sums_has_any(sums) ? add_group(groups) : NULL;
		if (!group)
			continue;
		group->sums = group->own = model_sums(model, sums);
		group->name = thread && thread->comm ? thread->comm : "";
		group->pid = thread ? thread->pid : 0;
		group->tid = thread ? thread->tid : 0;
	}
}

/* Threads under one name, whatever it is of. */
static void of_threads_by(struct groups *groups,
			  const char *(*name_of)(const struct model *model,
						 const struct thread_record *thread))
{
	const struct model *model = groups->model;

	for (size_t i = 0; i < model->thread_state_count; i++) {
		const struct stack_sums *sums = &model->thread_states[i].sums;
		if (!stack_sums_has_any(sums))
			continue;
		const struct stack_sums now = model_sums(model, sums);
		struct group *group = find_or_add(
			groups, name_of(model, model_thread(model, (uint32_t)i)), "");
		groups->has_failed |= !group;
		if (!group)
			continue;
		tree_add_sums(&group->sums, &now);
		tree_add_sums(&group->own, &now);
	}
}

static const char *thread_name(const struct model *model, const struct thread_record *thread)
{
	(void)model;
	return thread->comm ? thread->comm : "";
}

/* Of the last target that had its pid. */
static const char *executable(const struct model *model, const struct thread_record *thread)
{
	for (size_t i = model->target_count; i-- > 0;)
		if (model->targets[i].pid == thread->pid)
			return model->targets[i].exe;
	return "";
}

static const char *cgroup(const struct model *model, const struct thread_record *thread)
{
	for (size_t i = model->target_count; i-- > 0;)
		if (model->targets[i].pid == thread->pid)
			return model_cgroup(model, &model->targets[i]);
	return "";
}

static void of_cgroups(struct groups *groups)
{
	of_threads_by(groups, cgroup);
}

static void of_thread_names(struct groups *groups)
{
	of_threads_by(groups, thread_name);
}

static void of_executables(struct groups *groups)
{
	of_threads_by(groups, executable);
}

static void of_allocators(struct groups *groups)
{
	const struct model *model = groups->model;
	bool is_known[256] = { false };

	for (size_t i = 0; i < model->function_count; i++) {
		const struct function_record *function = &model->functions[i];
		const struct stack_sums *sums = &model->function_sums[function->id & 0xff];
		/* several modules may have a function of one name, and so of one id */
		if (function->id >= 256 || is_known[function->id] || !stack_sums_has_any(sums))
			continue;
		is_known[function->id] = true;
		struct group *group = add_group(groups);
		if (!group)
			continue;
		group->sums = group->own = model_sums(model, sums);
		group->name = function->name;
	}
}

/* The group of the tag with the first `length` characters of this name, and of those above it. */
static struct group *tag_group(struct groups *groups, const char *name, size_t length, size_t above)
{
	size_t count = groups->count;
	char *copy = strndup(name, length);
	struct group *group = copy ? find_or_add(groups, copy, NO_MODULE) : NULL;

	if (group && groups->count > count) {
		group->copy = copy;
		group->above = above;
		group->depth = above ? groups->items[above - 1].depth + 1 : 0;
	} else {
		free(copy);
	}
	groups->has_failed |= !group;
	return group;
}

/* What is below a tag is part of it. */
static void add_tag(struct groups *groups, const char *name, const struct stack_sums *sums)
{
	size_t above = 0;

	for (size_t at = 0, length; !groups->has_failed; at = length + 1) {
		length = at + strcspn(name + at, "/");
		bool is_whole = !name[length];
		if (!length && !is_whole)
			continue;
		struct group *group = tag_group(groups, name, length, above);
		if (!group)
			return;
		tree_add_sums(&group->sums, sums);
		if (is_whole) {
			tree_add_sums(&group->own, sums);
			return;
		}
		above = (size_t)(group - groups->items) + 1;
	}
}

static void of_tags(struct groups *groups)
{
	const struct model *model = groups->model;

	for (uint32_t i = 0; i < model->tag_sum_count; i++) {
		if (!stack_sums_has_any(&model->tag_sums[i]))
			continue;
		const struct stack_sums sums = model_sums(model, &model->tag_sums[i]);
		add_tag(groups, tags_name(&model->tags, i), &sums);
	}
}

/* A new way of grouping is a new row. */
static const struct {
	const char *name;
	void (*collect)(struct groups *groups);
} WAYS[] = { { "function", of_functions },     { "module", of_modules },
	     { "thread", of_threads },	       { "thread-name", of_thread_names },
	     { "executable", of_executables }, { "allocator", of_allocators },
	     { "cgroup", of_cgroups },	       { "tag", of_tags } };

struct order {
	const struct group *items;
	const struct sort_key *key;
};

static int by_value(const struct group *left, const struct group *right, const struct sort_key *key)
{
	uint64_t left_value = answer_value(&left->sums, key),
		 right_value = answer_value(&right->sums, key);

	if (left_value != right_value)
		return left_value < right_value ? 1 : -1;
	int order = strcmp(left->name, right->name);
	return order ? order : left->tid < right->tid ? -1 : left->tid > right->tid;
}

static const struct group *lift(const struct group *group, uint32_t depth,
				const struct group *items)
{
	while (group->depth > depth)
		group = &items[group->above - 1];
	return group;
}

/* What is below another group comes right behind it; others by what they, or those that they are
 * below, have. */
static int compare(const void *a, const void *b, void *context)
{
	const struct order *order = context;
	const struct group *left = *(const struct group *const *)a,
			   *right = *(const struct group *const *)b;
	uint32_t depth = left->depth < right->depth ? left->depth : right->depth;
	const struct group *above_left = lift(left, depth, order->items),
			   *above_right = lift(right, depth, order->items);

	if (above_left == above_right)
		return left->depth < right->depth ? -1 : left->depth > right->depth;
	while (above_left->above != above_right->above) {
		above_left = &order->items[above_left->above - 1];
		above_right = &order->items[above_right->above - 1];
	}
	return by_value(above_left, above_right, order->key);
}

/* NULL: out of memory. The caller's to free. */
static const struct group **sort_groups(const struct groups *groups, const struct sort_key *key)
{
	struct order order = { groups->items, key };
	const struct group **sorted = calloc(groups->count + 1, sizeof(*sorted));

	for (size_t i = 0; sorted && i < groups->count; i++)
		sorted[i] = &groups->items[i];
	if (sorted)
		qsort_r(sorted, groups->count, sizeof(*sorted), compare, &order);
	return sorted;
}

static json_t *group_row(const struct group *group)
{
	json_t *row = json_pack("{s:o, s:o, s:I, s:I}", "name", answer_text(group->name), "module",
				answer_text(group->module), "pid", (json_int_t)group->pid, "tid",
				(json_int_t)group->tid);

	answer_sums(row, &group->sums);
	json_object_set_new(row, "own_live_bytes", answer_number(group->own.live_bytes));
	json_object_set_new(row, "own_allocated_bytes", answer_number(group->own.allocated_bytes));
	return row;
}

json_t *answer_groups(const struct model *model, const char *by, const struct sort_key *key)
{
	struct groups groups = { .model = model };
	json_t *rows = NULL;

	for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++)
		if (strcmp(WAYS[i].name, by) == 0) {
			rows = json_array();
			WAYS[i].collect(&groups);
		}
	const struct group **sorted = sort_groups(&groups, key);
	groups.has_failed |= !sorted;
	for (size_t i = 0; rows && sorted && i < groups.count && i < GROUPS_SHOWN_MAX; i++)
		json_array_append_new(rows, group_row(sorted[i]));
	if (groups.has_failed) {
		json_decref(rows);
		rows = NULL;
	}
	function_index_free(&groups.index);
	for (size_t i = 0; i < groups.count; i++)
		free(groups.items[i].copy);
	free(groups.items);
	free(sorted);
	return rows;
}

/* Bin 0 is 0 alone; bin i from 2^(i-1) to 2^i - 1. */
static json_t *bin_from(size_t i)
{
	return answer_number(i ? 1ull << (i - 1) : 0);
}

json_t *answer_sizes(const struct model *model)
{
	json_t *bins = json_array();

	for (size_t i = 0; i < BINS; i++) {
		const struct size_bin *bin = &model->sizes[i];
		if (bin->allocations || bin->live_blocks)
			json_array_append_new(
				bins,
				json_pack("{s:o, s:o, s:o, s:o, s:o}", "from", bin_from(i),
					  "allocations", answer_number(bin->allocations),
					  "allocated_bytes", answer_number(bin->allocated_bytes),
					  "live_blocks", answer_number(bin->live_blocks),
					  "live_bytes", answer_number(bin->live_bytes)));
	}
	return bins;
}

json_t *answer_lifetimes(const struct model *model)
{
	json_t *bins = json_array();

	for (size_t i = 0; i < BINS; i++)
		if (model->lifetimes[i])
			json_array_append_new(bins, json_pack("{s:o, s:o}", "from_ns", bin_from(i),
							      "blocks",
							      answer_number(model->lifetimes[i])));
	return bins;
}
