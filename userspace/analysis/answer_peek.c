// SPDX-License-Identifier: GPL-2.0-or-later
/* Callers and callees of functions. */
#include "analysis/answer_parts.h"
#include "analysis/peek.h"

#include <stdlib.h>
#include <string.h>

/* More are not read, and would be a document without end. */
#define FUNCTIONS_MAX  1000
#define NEIGHBOURS_MAX 1000

static json_t *answer_named(const char *function, const char *module, const struct stack_sums *sums)
{
	json_t *object = json_pack("{s:o, s:o}", "function", answer_text(function), "module",
				   answer_text(module));

	answer_sums(object, sums);
	return object;
}

static json_t *answer_plain_sums(const struct stack_sums *sums)
{
	json_t *object = json_object();

	answer_sums(object, sums);
	return object;
}

static int by_neighbour(const void *a, const void *b, void *key)
{
	const struct peek_neighbour *left = *(struct peek_neighbour *const *)a,
				    *right = *(struct peek_neighbour *const *)b;
	uint64_t left_value = answer_value(&left->sums, key),
		 right_value = answer_value(&right->sums, key);

	if (left_value != right_value)
		return left_value < right_value ? 1 : -1;
	return strcmp(left->function, right->function);
}

static json_t *answer_neighbours(const struct peek_neighbour *list, const struct sort_key *key)
{
	const struct peek_neighbour **sorted;
	json_t *rows = json_array();
	size_t count = 0;

	for (const struct peek_neighbour *at = list; at; at = at->next)
		count++;
	sorted = malloc((count + 1) * sizeof(*sorted));
	count = 0;
	for (const struct peek_neighbour *at = list; sorted && at; at = at->next)
		sorted[count++] = at;
	if (count)
		qsort_r(sorted, count, sizeof(*sorted), by_neighbour, (void *)key);
	for (size_t i = 0; i < count && i < NEIGHBOURS_MAX; i++)
		json_array_append_new(rows, answer_named(sorted[i]->function, sorted[i]->module,
							 &sorted[i]->sums));
	free(sorted);
	return rows;
}

static int by_function(const void *a, const void *b, void *key)
{
	const struct peek_function *left = a, *right = b;
	uint64_t left_value = answer_value(&left->sums, key),
		 right_value = answer_value(&right->sums, key);

	if (left_value != right_value)
		return left_value < right_value ? 1 : -1;
	int order = strcmp(left->function, right->function);
	return order ? order : strcmp(left->module, right->module);
}

json_t *answer_peek(const struct model *model, const char *pattern, const struct sort_key *key)
{
	json_t *rows;
	struct peek peek;

	if (peek_find(model, pattern, &peek))
		return NULL;
	rows = json_array();
	if (peek.count)
		qsort_r(peek.functions, peek.count, sizeof(*peek.functions), by_function,
			(void *)key);
	for (size_t i = 0; i < peek.count && i < FUNCTIONS_MAX; i++) {
		const struct peek_function *function = &peek.functions[i];
		json_t *row = answer_named(function->function, function->module, &function->sums);
		json_object_set_new(row, "own", answer_plain_sums(&function->own));
		json_object_set_new(row, "outermost", answer_plain_sums(&function->outermost));
		json_object_set_new(row, "callers", answer_neighbours(function->callers, key));
		json_object_set_new(row, "callees", answer_neighbours(function->callees, key));
		json_array_append_new(rows, row);
	}
	peek_free(&peek);
	return rows;
}
