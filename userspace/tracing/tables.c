// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/tables.h"

#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK_BYTES (TABLE_WORDS * sizeof(uint32_t))

struct tables {
	struct tables_places places;
	uint32_t *words;	     /* of all chunks */
	uint32_t used[TABLE_CHUNKS]; /* words */
	struct map rule_ids; /* rule -> id; rule 0 is id 0, and the answer when all ids are used */
	uint32_t rule_count;
};

int tables_open(const struct tables_places *places, struct tables **out)
{
	struct tables *tables = calloc(1, sizeof(*tables));

	if (!tables)
		return -ENOMEM;
	tables->places = *places;
	tables->rule_count = 1;
	tables->words = mmap(NULL, TABLE_CHUNKS * CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			     places->chunks_fd, 0);
	if (tables->words == MAP_FAILED) {
		int err = -errno;
		free(tables);
		return err;
	}
	*out = tables;
	return 0;
}

/* The id of a rule among those of all modules. 0, which is "no rule", where there is no more room.
 */
static uint32_t rule_id(struct tables *tables, uint64_t rule)
{
	uint64_t *known = rule ? map_get(&tables->rule_ids, rule) : NULL;

	if (known)
		return (uint32_t)*known;
	if (!rule || tables->rule_count == UNWIND_RULES_MAX ||
	    map_put(&tables->rule_ids, rule, tables->rule_count))
		return 0;
	tables->places.rules[tables->rule_count] = rule;
	return tables->rule_count++;
}

static int find_chunk(const struct tables *tables, uint64_t words, bool is_whole)
{
	for (int i = is_whole ? TABLE_CHUNKS / 2 : 0; i < TABLE_CHUNKS; i++)
		if (TABLE_WORDS - tables->used[i] >= words)
			return i;
	return -ENOSPC;
}

int tables_put(struct tables *tables, uint32_t module, bool is_whole,
	       const struct unwind_blob *table)
{
	const struct unwind_blob_header *header = table->header;
	uint64_t index_words = (uint64_t)header->page_count + 1;
	int chunk = find_chunk(tables, index_words + header->row_count, is_whole);

	if (module >= UNWIND_MODULES_MAX)
		return -E2BIG;
	if (chunk < 0)
		return chunk;
	uint32_t *ids = malloc((header->rule_count + 1) * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (uint32_t i = 0; i < header->rule_count; i++)
		ids[i] = rule_id(tables, table->rules[i]);
	uint32_t *words = tables->words + (size_t)chunk * TABLE_WORDS + tables->used[chunk];
	memcpy(words, table->index, index_words * sizeof(*words));
	for (uint32_t i = 0; i < header->row_count; i++)
		words[index_words + i] = (table->rows[i] & 0xfff00000) |
					 ids[table->rows[i] & 0xfffff];
	free(ids);
	struct unwind_module *place =
		&tables->places.modules[module | (is_whole ? UNWIND_WHOLE : 0)];
	place->chunk = (uint32_t)chunk;
	place->index = tables->used[chunk];
	place->rows = tables->used[chunk] + (uint32_t)index_words;
	place->page0 = header->page0;
	/* last: programs look at it first */
	__atomic_store_n(&place->page_count, header->page_count, __ATOMIC_RELEASE);
	tables->used[chunk] += (uint32_t)index_words + header->row_count;
	return 0;
}

void tables_close(struct tables *tables)
{
	if (!tables)
		return;
	munmap(tables->words, TABLE_CHUNKS * CHUNK_BYTES);
	map_free(&tables->rule_ids);
	free(tables);
}
