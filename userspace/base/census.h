/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process's allocator holds at one moment, in numbers. Sizes are those of chunks, with the
 * allocator's overhead. A new number is a new row, at the end: captures have them in this order.
 */
#ifndef HEAPTRAIL_BASE_CENSUS_H
#define HEAPTRAIL_BASE_CENSUS_H

#include <stdint.h>

#define CENSUS_FIELDS(FIELD)                                                                     \
	FIELD(arenas)	   /* of glibc; 0: none was found, and the heap's numbers are 0 */       \
	FIELD(heap_bytes)  /* that arenas have from the kernel */                                \
	FIELD(used_blocks) /* that the program has */                                            \
	FIELD(used_bytes)                                                                        \
	FIELD(cached_blocks) /* free, in a thread's cache (tcache) */                            \
	FIELD(cached_bytes)                                                                      \
	FIELD(fast_blocks) /* free, in fastbins */                                               \
	FIELD(fast_bytes)                                                                        \
	FIELD(free_blocks) /* free, in other bins */                                             \
	FIELD(free_bytes)                                                                        \
	FIELD(top_bytes)     /* free, at the ends of arenas */                                   \
	FIELD(mapped_blocks) /* that have mappings of their own */                               \
	FIELD(mapped_bytes)                                                                      \
	FIELD(unread_bytes) /* of heap_bytes: not counted, as it changed, or for want of time */ \
	FIELD(rss_bytes)    /* of the whole process, as the kernel counts */                     \
	FIELD(pss_bytes)                                                                         \
	FIELD(anonymous_bytes)                                                                   \
	FIELD(swap_bytes)                                                                        \
	FIELD(duration_ns)	  /* that the count took */                                      \
	FIELD(largest_free_bytes) /* of free_bytes: of one block; 0 in captures of before */

#define CENSUS_FIELD(name) uint64_t name;
struct census {
	CENSUS_FIELDS(CENSUS_FIELD)
};
#undef CENSUS_FIELD

#define CENSUS_FIELD_COUNT (sizeof(struct census) / sizeof(uint64_t))

enum census_moment {
	CENSUS_AT_ATTACH = 1, /* probes were live already */
	CENSUS_AT_END = 2,
};

#endif
