// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/nearest.h"
#include "symbols/minidebug.h"
#include "symbols/plt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How far an unsized function may reach. */
#define UNSIZED_MAX (64u << 10)
/* How many symbols around one another are tried for an address: nesting is the file's choice. */
#define STEPS_MAX 64
#define NONE	  UINT32_MAX

struct span {
	uint64_t address, end;
	const char *name;
	uint32_t outer; /* the span around it, or that begins before it and reaches further */
	bool is_sized, is_local, is_label;
};

struct nearest {
	struct span *spans; /* by address; of those at one address the best name comes last */
	size_t count, capacity;
	struct elf *mini;
	struct plt *plt;
	bool failed;
};

/* ---- collecting ---- */

static void add(const struct elf_symbol *symbol, void *context)
{
	struct nearest *nearest = context;
	uint64_t size = symbol->size;

	if (nearest->count == nearest->capacity) {
		size_t capacity = nearest->capacity ? nearest->capacity * 2 : 1024;
		struct span *grown = capacity < NONE
					     ? realloc(nearest->spans, capacity * sizeof(*grown))
					     : NULL;
		if (!grown) {
			nearest->failed = true;
			return;
		}
		nearest->spans = grown;
		nearest->capacity = capacity;
	}
	if (size == 0)
		size = symbol->room < UNSIZED_MAX ? symbol->room : UNSIZED_MAX;
	if (size > UINT64_MAX - symbol->address)
		size = UINT64_MAX - symbol->address;
	nearest->spans[nearest->count++] = (struct span) {
		.address = symbol->address,
		.end = symbol->address + size,
		.name = symbol->name,
		.is_sized = symbol->size,
		.is_local = symbol->is_local,
		.is_label = symbol->is_label,
	};
}

/* Of several names of one function the one that people call it by: free, not __libc_free or cfree.
 */
static int compare(const void *a, const void *b)
{
	const struct span *left = a, *right = b;

	if (left->address != right->address)
		return left->address < right->address ? -1 : 1;
	if (left->is_sized != right->is_sized)
		return left->is_sized ? 1 : -1;
	if (left->is_label != right->is_label)
		return left->is_label ? -1 : 1;
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

/* ---- arranging, once they are sorted ---- */

/* An unsized symbol inside a sized one is a label of it. */
static void drop_inner_labels(struct nearest *nearest)
{
	uint64_t sized_end = 0;
	size_t kept = 0;

	for (size_t i = 0, group_end = 0; i < nearest->count; i++) {
		struct span *span = &nearest->spans[i];
		/* the sized ones of an address come after the unsized ones */
		for (; group_end < nearest->count &&
		       nearest->spans[group_end].address == span->address;
		     group_end++)
			if (nearest->spans[group_end].is_sized &&
			    nearest->spans[group_end].end > sized_end)
				sized_end = nearest->spans[group_end].end;
		if (span->is_sized || span->address >= sized_end)
			nearest->spans[kept++] = *span;
	}
	nearest->count = kept;
}

static void end_unsized_at_next(struct nearest *nearest)
{
	uint64_t next = UINT64_MAX, address = UINT64_MAX;

	for (size_t i = nearest->count; i-- > 0;) {
		struct span *span = &nearest->spans[i];
		if (span->address != address) {
			next = address;
			address = span->address;
		}
		if (!span->is_sized && span->end > next)
			span->end = next;
	}
}

/* A worse name counts only for what a better one leaves. */
static void drop_aliases(struct nearest *nearest)
{
	size_t kept = nearest->count;

	for (size_t i = nearest->count; i-- > 0;)
		if (kept == nearest->count ||
		    nearest->spans[kept].address != nearest->spans[i].address ||
		    nearest->spans[i].end > nearest->spans[kept].end)
			nearest->spans[--kept] = nearest->spans[i];
	nearest->count -= kept;
	memmove(nearest->spans, nearest->spans + kept, nearest->count * sizeof(*nearest->spans));
}

static void link_outer(struct nearest *nearest)
{
	for (size_t i = 0; i < nearest->count; i++) {
		uint32_t outer = i ? (uint32_t)i - 1 : NONE;
		while (outer != NONE && nearest->spans[outer].end <= nearest->spans[i].address)
			outer = nearest->spans[outer].outer;
		nearest->spans[i].outer = outer;
	}
}

static const char *find(const struct nearest *nearest, uint64_t address)
{
	size_t low = 0, high = nearest->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (nearest->spans[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	uint32_t at = low ? (uint32_t)low - 1 : NONE;
	for (int i = 0; i < STEPS_MAX && at != NONE; i++) {
		if (address < nearest->spans[at].end)
			return nearest->spans[at].name;
		at = nearest->spans[at].outer;
	}
	return NULL;
}

/* What the linker fills a stub's slot with is the beginning of a function. */
static const char *find_own(const void *nearest, uint64_t address)
{
	return find(nearest, address);
}

int nearest_new(const struct elf *module, const struct elf *debug, struct nearest **out)
{
	struct nearest *nearest = calloc(1, sizeof(*nearest));
	int err = nearest ? 0 : -ENOMEM;

	if (err)
		return err;
	elf_each_name(module, add, nearest);
	if (debug)
		elf_each_name(debug, add, nearest);
	/* a split debug file has all that it would have */
	else if (minidebug_open(module, &nearest->mini) == 0)
		elf_each_name(nearest->mini, add, nearest);
	if (nearest->count) {
		qsort(nearest->spans, nearest->count, sizeof(*nearest->spans), compare);
		drop_inner_labels(nearest);
		end_unsized_at_next(nearest);
		drop_aliases(nearest);
		link_outer(nearest);
	}
	err = nearest->failed ? -ENOMEM : plt_new(module, find_own, nearest, &nearest->plt);
	if (err)
		nearest_free(nearest);
	else
		*out = nearest;
	return err;
}

const char *nearest_find(const struct nearest *nearest, uint64_t address)
{
	const char *name = find(nearest, address);

	return name ? name : plt_find(nearest->plt, address);
}

void nearest_free(struct nearest *nearest)
{
	if (!nearest)
		return;
	plt_free(nearest->plt);
	elf_close(nearest->mini);
	free(nearest->spans);
	free(nearest);
}
