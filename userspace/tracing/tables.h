/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory in which the kernel side finds unwind tables (bpf/tables.bpf.h), filled module by
 * module. */
#ifndef HEAPTRAIL_TRACING_TABLES_H
#define HEAPTRAIL_TRACING_TABLES_H

#include "base/unwind_blob.h"
#include "bpf/settings.h"

#include <stdbool.h>

struct tables;

/* Where the programs look: shared memory that outlives the tables object. */
struct tables_places {
	int chunks_fd;		       /* the map of TABLE_CHUNKS chunks */
	struct unwind_module *modules; /* 2 * UNWIND_MODULES_MAX */
	uint64_t *rules;	       /* UNWIND_RULES_MAX */
};

/* Maps the chunks. 0 or -errno. */
int tables_open(const struct tables_places *places, struct tables **tables);

/*
 * Copies a module's table into a chunk, its rules numbered anew among those of all modules. Nothing
 * is ever removed: a whole system needs 7 MB of the 16. Tables of all rows (is_whole) are ten times
 * as large, and have half of the chunks at most. -ENOSPC: no chunk has room; -E2BIG: the id is too
 * large.
 */
int tables_put(struct tables *tables, uint32_t module, bool is_whole,
	       const struct unwind_blob *table);

void tables_close(struct tables *tables);

#endif
