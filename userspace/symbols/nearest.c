// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/nearest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How far an unsized function (hand-written assembly) may reach. */
#define UNSIZED_MAX (64u << 10)
/* How many symbols before the address are tried: a small one may lie inside a large one. */
#define STEPS_BACK_MAX 8

struct nearest {
	struct elf_symbol *symbols; /* by address; of equal ones the best name comes last */
	size_t count, capacity;
	bool failed;
};

static void add(const struct elf_symbol *symbol, void *context)
{
	struct nearest *nearest = context;

	if (nearest->count == nearest->capacity) {
		size_t capacity = nearest->capacity ? nearest->capacity * 2 : 1024;
		struct elf_symbol *grown = realloc(nearest->symbols, capacity * sizeof(*grown));
		if (!grown) {
			nearest->failed = true;
			return;
		}
		nearest->symbols = grown;
		nearest->capacity = capacity;
	}
	nearest->symbols[nearest->count++] = *symbol;
}

/* Of several names of one function the one that people call it by: free, not __libc_free or cfree.
 */
static int compare(const void *a, const void *b)
{
	const struct elf_symbol *left = a, *right = b;

	if (left->address != right->address)
		return left->address < right->address ? -1 : 1;
	if (!left->size != !right->size)
		return left->size ? 1 : -1;
	if (left->is_local != right->is_local)
		return left->is_local ? -1 : 1;
	size_t left_marks = strspn(left->name, "_"), right_marks = strspn(right->name, "_");
	if (left_marks != right_marks)
		return left_marks > right_marks ? -1 : 1;
	size_t left_size = strlen(left->name), right_size = strlen(right->name);
	if (left_size != right_size)
		return left_size > right_size ? -1 : 1;
	return strcmp(right->name, left->name);
}

int nearest_new(const struct elf *module, const struct elf *debug, struct nearest **out)
{
	struct nearest *nearest = calloc(1, sizeof(*nearest));

	if (!nearest)
		return -ENOMEM;
	elf_each_function(module, add, nearest);
	if (debug)
		elf_each_function(debug, add, nearest);
	if (nearest->failed) {
		nearest_free(nearest);
		return -ENOMEM;
	}
	if (nearest->count)
		qsort(nearest->symbols, nearest->count, sizeof(*nearest->symbols), compare);
	*out = nearest;
	return 0;
}

static bool covers(const struct elf_symbol *symbol, uint64_t address)
{
	uint64_t inside = address - symbol->address;

	if (symbol->size)
		return inside < symbol->size;
	return inside < UNSIZED_MAX && inside < symbol->room;
}

const char *nearest_find(const struct nearest *nearest, uint64_t address)
{
	size_t low = 0, high = nearest->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (nearest->symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = 0; i < STEPS_BACK_MAX && low > i; i++)
		if (covers(&nearest->symbols[low - 1 - i], address))
			return nearest->symbols[low - 1 - i].name;
	return NULL;
}

void nearest_free(struct nearest *nearest)
{
	if (!nearest)
		return;
	free(nearest->symbols);
	free(nearest);
}
