/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What allocators take for a block of a given size, as far as that follows from the size.
 *
 * - glibc: malloc/malloc.c, request2size and sysmalloc_mmap: a header of 8 bytes, and multiples of
 *   16.
 * - jemalloc 4 and later: jemalloc(3), "Size classes": four to each doubling, multiples of 16 up to
 *   128 bytes.
 * - tcmalloc, of gperftools 2: src/common.cc, SizeMap::Init: classes that waste at most an eighth,
 *   those merged of which as many fit into the same pages; whole pages of 8 KiB above 256 KiB.
 *
 * Others are not known: musl's takes the next class as well, depending on what is in use.
 */
#ifndef HEAPTRAIL_ANALYSIS_ALLOCATORS_H
#define HEAPTRAIL_ANALYSIS_ALLOCATORS_H

#include <stdbool.h>
#include <stdint.h>

struct allocator;

extern const struct allocator *const ALLOCATOR_GLIBC;

/* "glibc", "jemalloc", "tcmalloc" */
const char *allocator_name(const struct allocator *allocator);

/* Whose malloc is in the file of that path? NULL: of none that is known. */
const struct allocator *allocator_of_module(const char *path);

/* Does what is allocated there come from malloc, whose ever that is? */
bool allocator_is_asked_by(const char *path);

/* Does the size decide what that function of it takes? "realloc", "aligned_alloc" */
bool allocator_knows(const struct allocator *allocator, const char *function);

/* Bytes that it takes of its heap for a block, a header included; address: where it begins. */
uint64_t allocator_chunk(const struct allocator *allocator, uint64_t size, uint64_t address);

/*
 * Blocks of one class lie side by side from the start of a page on, so that an address can tell
 * that it is not this allocator's. Only of blocks that tell more than those of others would.
 */
enum allocator_trace {
	TRACE_NONE, /* such a block may be anywhere */
	TRACE_FITS,
	TRACE_FITS_NOT,
};
enum allocator_trace allocator_trace(const struct allocator *allocator, uint64_t size,
				     uint64_t address);

#endif
