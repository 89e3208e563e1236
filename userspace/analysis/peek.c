// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/peek.h"

#include "analysis/frames.h"
#include "analysis/function_index.h"
#include "analysis/tree.h"
#include "base/glob.h"

#include <errno.h>
#include <stdlib.h>

#define NO_FUNCTION SIZE_MAX

struct looking {
	const struct model *model;
	const char *pattern;
	struct peek *peek;
	struct function_index index; /* of all functions */
	size_t *places; /* by number: in peek->functions; NO_FUNCTION: it is not asked for */
	size_t *stack;	/* numbers of the functions of one stack, leaf first */
	size_t stack_capacity;
};

/* Room for one more, doubled whenever count is a power of two. */
static int make_room(void **items, size_t count, size_t item_size)
{
	if ((count & (count - 1)) != 0)
		return 0;
	void *grown = realloc(*items, (count ? 2 * count : 1) * item_size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	return 0;
}

/* A function that was not met before: is it asked for? */
static int add_function(struct looking *looking, size_t number)
{
	const struct indexed_function *function = &looking->index.items[number];
	struct peek *peek = looking->peek;
	int err = make_room((void **)&looking->places, number, sizeof(*looking->places));

	if (err)
		return err;
	looking->places[number] = NO_FUNCTION;
	if (!glob_matches(looking->pattern, function->name))
		return 0;
	err = make_room((void **)&peek->functions, peek->count, sizeof(*peek->functions));
	if (err)
		return err;
	looking->places[number] = peek->count;
	peek->functions[peek->count++] = (struct peek_function) { .function = function->name,
								  .module = function->module };
	return 0;
}

static int put_number(struct looking *looking, size_t count, const struct named_frame *frame)
{
	size_t known = looking->index.count;
	int err = 0;

	if (count == looking->stack_capacity)
		err = make_room((void **)&looking->stack, count, sizeof(*looking->stack));
	if (!err && count == looking->stack_capacity)
		looking->stack_capacity = count ? 2 * count : 1;
	if (!err)
		err = function_index_find(&looking->index, frame->function, frame->module,
					  &looking->stack[count]);
	return !err && looking->index.count > known ? add_function(looking, known) : err;
}

static int number_frames(struct looking *looking, const struct stack *stack, size_t *count)
{
	struct named_frame names[NAMES_INLINE_MAX];
	int err = 0;

	*count = 0;
	for (uint32_t i = 0; !err && i < stack->frame_count; i++) {
		size_t inlined = frame_names(looking->model, &stack->frames[i], names);
		for (size_t k = 0; !err && k < inlined; k++)
			err = put_number(looking, (*count)++, &names[k]);
	}
	return err;
}

/* Moved to the front: stacks of one caller come in runs. */
static int add_neighbour(struct looking *looking, struct peek_neighbour **list, size_t number,
			 const struct stack_sums *sums)
{
	const struct indexed_function *function = &looking->index.items[number];
	struct peek_neighbour **link = list, *found;

	while (*link &&
	       ((*link)->function != function->name || (*link)->module != function->module))
		link = &(*link)->next;
	found = *link;
	if (found)
		*link = found->next;
	else
		found = calloc(1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	found->function = function->name;
	found->module = function->module;
	found->next = *list;
	*list = found;
	tree_add_sums(&found->sums, sums);
	return 0;
}

/* NULL: the function is not asked for. */
static struct peek_function *asked(const struct looking *looking, size_t at)
{
	size_t place = looking->places[looking->stack[at]];

	return place == NO_FUNCTION ? NULL : &looking->peek->functions[place];
}

static int add_callees(struct looking *looking, uint32_t id, size_t count,
		       const struct stack_sums *sums)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++) {
		struct peek_function *function = asked(looking, i);
		if (!function || function->last_callee_of == id + 1)
			continue;
		function->last_callee_of = id + 1;
		tree_add_sums(&function->sums, sums);
		if (i == 0)
			tree_add_sums(&function->own, sums);
		else
			err = add_neighbour(looking, &function->callees, looking->stack[i - 1],
					    sums);
	}
	return err;
}

static int add_callers(struct looking *looking, uint32_t id, size_t count,
		       const struct stack_sums *sums)
{
	int err = 0;

	for (size_t i = count; !err && i-- > 0;) {
		struct peek_function *function = asked(looking, i);
		if (!function || function->last_caller_of == id + 1)
			continue;
		function->last_caller_of = id + 1;
		if (i + 1 == count)
			tree_add_sums(&function->outermost, sums);
		else
			err = add_neighbour(looking, &function->callers, looking->stack[i + 1],
					    sums);
	}
	return err;
}

static int add_stack(struct looking *looking, uint32_t id)
{
	const struct stack *stack = &looking->model->stacks[id];
	const struct stack_sums sums = model_sums(looking->model, &stack->sums);
	size_t count;
	int err = number_frames(looking, stack, &count);

	if (!err)
		err = add_callees(looking, id, count, &sums);
	return err ? err : add_callers(looking, id, count, &sums);
}

int peek_find(const struct model *model, const char *pattern, struct peek *peek)
{
	struct looking looking = { .model = model, .pattern = pattern, .peek = peek };
	int err = 0;

	*peek = (struct peek) { 0 };
	for (size_t i = 0; !err && i < model->stack_count; i++)
		if (stack_sums_has_any(&model->stacks[i].sums))
			err = add_stack(&looking, (uint32_t)i);
	function_index_free(&looking.index);
	free(looking.places);
	free(looking.stack);
	if (err)
		peek_free(peek);
	return err;
}

static void free_list(struct peek_neighbour *list)
{
	while (list) {
		struct peek_neighbour *next = list->next;
		free(list);
		list = next;
	}
}

void peek_free(struct peek *peek)
{
	for (size_t i = 0; i < peek->count; i++) {
		free_list(peek->functions[i].callers);
		free_list(peek->functions[i].callees);
	}
	free(peek->functions);
	*peek = (struct peek) { 0 };
}
