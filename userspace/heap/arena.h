/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arenas of glibc's malloc, found in a process's memory without symbols, which distributions
 * strip.
 *
 * Source: glibc's malloc/malloc.c and arena.c, 2.26 to 2.41: struct malloc_state, struct
 * malloc_par, struct _heap_info, of 64 bits. The main arena is the one place in a C library's data
 * whose 127 bins point to themselves or to free chunks, and from which a ring of arenas leads back
 * to it; all others lie at the start of a heap, at a multiple of 64 MiB.
 */
#ifndef HEAPTRAIL_HEAP_ARENA_H
#define HEAPTRAIL_HEAP_ARENA_H

#include "heap/memory.h"
#include "heap/regions.h"

#define ARENAS_MAX     4096
#define ARENA_FASTBINS 10
#define HEAP_BYTES_MAX \
	(64ull << 20) /* of one heap of an arena that is not the main one, and its alignment */

struct arena {
	uint64_t address;
	bool is_main;
	uint64_t fastbins[ARENA_FASTBINS]; /* chunks, or 0 */
	uint64_t top;
	uint64_t system_bytes; /* that it has from the kernel */
};

/* Those of one copy of glibc, the main one first. */
struct arenas {
	size_t count;
	struct arena *items;
	uint64_t main_start; /* where the first chunk of the main arena is; 0: not known */
	uint64_t mapped_blocks,
		mapped_bytes; /* with mappings of their own; 0 where their count was not found */
};

/*
 * Looks in a region for a main arena that is in use, and reads the ring that begins there. False:
 * there is none; or out of memory. The caller frees items.
 */
bool arenas_find(struct memory *memory, const struct regions *regions, const struct region *data,
		 struct arenas *arenas);

#endif
