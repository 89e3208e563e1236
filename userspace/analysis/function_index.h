/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions of a model's stacks, numbered from 0 in the order in which they are met. */
#ifndef HEAPTRAIL_ANALYSIS_FUNCTION_INDEX_H
#define HEAPTRAIL_ANALYSIS_FUNCTION_INDEX_H

#include "base/map.h"

struct function_index {
	struct indexed_function {
		const char *name;   /* "" for all without one in that module */
		const char *module; /* a pointer that all frames of the module share */
	} * items;
	size_t count;
	struct map numbers; /* hash of name and module -> number */
};

/* *number: of this function, which is a new one where it is the count of before. 0 or -ENOMEM. */
int function_index_find(struct function_index *index, const char *name, const char *module,
			size_t *number);

void function_index_free(struct function_index *index);

#endif
