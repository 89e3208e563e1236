// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/function_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, then mixed; who looks compares the names. */
static uint64_t hash_of(const char *name, const char *module)
{
	uint64_t hash = 0xcbf29ce484222325ULL ^ (uintptr_t)module;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3ULL;
	hash = hash_u64(hash);
	return hash ? hash : 1;
}

static int add(struct function_index *index, uint64_t key, const char *name, const char *module)
{
	size_t count = index->count;

	if ((count & (count - 1)) == 0) {
		struct indexed_function *grown = realloc(index->items,
							 (count ? 2 * count : 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		index->items = grown;
	}
	int err = map_put(&index->numbers, key, count);
	if (err)
		return err;
	index->items[index->count++] = (struct indexed_function) { name, module };
	return 0;
}

int function_index_find(struct function_index *index, const char *name, const char *module,
			size_t *number)
{
	uint64_t key = hash_of(name, module);
	const uint64_t *found;

	for (; (found = map_get(&index->numbers, key)); key = key + 1 ? key + 1 : 1) {
		const struct indexed_function *function = &index->items[*found];
		*number = *found;
		if (function->module == module && strcmp(function->name, name) == 0)
			return 0;
	}
	*number = index->count;
	return add(index, key, name, module);
}

void function_index_free(struct function_index *index)
{
	free(index->items);
	map_free(&index->numbers);
	*index = (struct function_index) { 0 };
}
