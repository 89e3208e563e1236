// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/allocators.h"

#include <stddef.h>
#include <string.h>

#define PAGE	       4096u
#define SIZE_MAX_MEANT (1ull << 47) /* larger ones are of a capture that makes no sense */
#define TRACED_MAX     8192u	    /* larger classes may begin anywhere */

struct allocator {
	const char *name;
	uint64_t (*chunk)(uint64_t size, uint64_t address);
	bool has_classes;
	bool keeps_resized; /* a block that is resized may stay, or be larger than its class */
};

static uint64_t round_up(uint64_t size, uint64_t unit)
{
	return (size + unit - 1) / unit * unit;
}

static unsigned log2_of(uint64_t size)
{
	return 63 - (unsigned)__builtin_clzll(size);
}

/* --- glibc --- */

#define HEADER	   8u
#define ALIGNMENT  16u
#define CHUNK_MIN  32u
#define MAPPED_MIN (128u << 10) /* M_MMAP_THRESHOLD as it is at first; it only grows */

static uint64_t glibc_chunk(uint64_t size, uint64_t address)
{
	/* one with a mapping of its own begins behind two words at the start of a page */
	if (size >= MAPPED_MIN && address % PAGE == 2 * HEADER)
		return round_up(round_up(size + HEADER, ALIGNMENT) + HEADER, PAGE);
	uint64_t chunk = round_up(size + HEADER, ALIGNMENT);
	return chunk < CHUNK_MIN ? CHUNK_MIN : chunk;
}

/* --- jemalloc --- */

static uint64_t jemalloc_chunk(uint64_t size, uint64_t address)
{
	(void)address;
	if (size <= 8)
		return 8;
	return round_up(size, size <= 128 ? 16 : 1ull << (log2_of(size - 1) - 2));
}

/* --- tcmalloc --- */

#define SPAN_PAGE	  8192u
#define CLASSED_MAX	  (256u << 10)
#define CLASSES_MAX	  128
#define MOVED_BYTES	  (64u << 10) /* between caches at a time, at most 32 and at least 2 objects */
#define MOVED_OBJECTS_MAX 32u

static uint64_t step_at(uint64_t size)
{
	uint64_t eighth = size < 128 ? 16 : (1ull << log2_of(size)) / 8;

	return size < 16 ? 8 : eighth < SPAN_PAGE ? eighth : SPAN_PAGE;
}

/* Bytes of the pages that objects of the class are cut out of. */
static uint64_t span_of(uint64_t size)
{
	uint64_t moved = MOVED_BYTES / size, span = 0;

	moved = moved < 2 ? 2 : moved < MOVED_OBJECTS_MAX ? moved : MOVED_OBJECTS_MAX;
	do {
		span += SPAN_PAGE;
		while (span % size > span / 8)
			span += SPAN_PAGE;
	} while (span / size < moved / 4);
	return span;
}

static size_t make_classes(uint32_t classes[static CLASSES_MAX])
{
	uint64_t last_span = 0, last_objects = 0;
	size_t count = 0;

	for (uint64_t size = 8; size <= CLASSED_MAX && count < CLASSES_MAX; size += step_at(size)) {
		uint64_t span = span_of(size), objects = span / size;
		if (!count || span != last_span || objects != last_objects)
			count++;
		classes[count - 1] = (uint32_t)size;
		last_span = span;
		last_objects = objects;
	}
	return count;
}

static uint64_t tcmalloc_chunk(uint64_t size, uint64_t address)
{
	static uint32_t classes[CLASSES_MAX];
	static size_t count;
	size_t low = 0;

	(void)address;
	if (size > CLASSED_MAX)
		return round_up(size, SPAN_PAGE);
	if (!count)
		count = make_classes(classes);
	for (size_t high = count; low < high;) {
		size_t middle = (low + high) / 2;
		if (classes[middle] < size)
			low = middle + 1;
		else
			high = middle;
	}
	return classes[low];
}

/* --- all of them --- */

static const struct allocator GLIBC = { "glibc", glibc_chunk, false, false };
static const struct allocator JEMALLOC = { "jemalloc", jemalloc_chunk, true, false };
static const struct allocator TCMALLOC = { "tcmalloc", tcmalloc_chunk, true, true };

const struct allocator *const ALLOCATOR_GLIBC = &GLIBC;

/* musl's C library is named otherwise; a debugging tcmalloc puts something around its blocks. */
static const struct {
	const char *prefix;		   /* of the file's name */
	const struct allocator *allocator; /* NULL: it asks malloc */
} MODULES[] = {
	{ "libc.so.6", &GLIBC },
	{ "libc-2.", &GLIBC },
	{ "libjemalloc.so", &JEMALLOC },
	{ "libtcmalloc.so", &TCMALLOC },
	{ "libtcmalloc_minimal.so", &TCMALLOC },
	{ "libtcmalloc_and_profiler.so", &TCMALLOC },
	{ "libstdc++.so", NULL },
};

#define MODULE_COUNT (sizeof(MODULES) / sizeof(MODULES[0]))

/* MODULE_COUNT: none of them. */
static size_t find(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	size_t i = 0;

	while (i < MODULE_COUNT &&
	       !(slash && strncmp(slash + 1, MODULES[i].prefix, strlen(MODULES[i].prefix)) == 0))
		i++;
	return i;
}

const char *allocator_name(const struct allocator *allocator)
{
	return allocator->name;
}

const struct allocator *allocator_of_module(const char *path)
{
	size_t i = find(path);

	return i < MODULE_COUNT ? MODULES[i].allocator : NULL;
}

bool allocator_is_asked_by(const char *path)
{
	size_t i = find(path);

	return i < MODULE_COUNT && !MODULES[i].allocator;
}

bool allocator_knows(const struct allocator *allocator, const char *function)
{
	bool is_aligning = strstr(function, "align") || strstr(function, "valloc") ||
			   strstr(function, "allocx");

	return !(allocator->has_classes && is_aligning) &&
	       !(allocator->keeps_resized && strstr(function, "realloc"));
}

uint64_t allocator_chunk(const struct allocator *allocator, uint64_t size, uint64_t address)
{
	return size > SIZE_MAX_MEANT ? size : allocator->chunk(size ? size : 1, address);
}

enum allocator_trace allocator_trace(const struct allocator *allocator, uint64_t size,
				     uint64_t address)
{
	uint64_t class = allocator_chunk(allocator, size, address), multiple = class & -class;

	/* all allocators give out multiples of 16 */
	if (!allocator->has_classes || class > TRACED_MAX || multiple <= ALIGNMENT)
		return TRACE_NONE;
	return address % (multiple < PAGE ? multiple : PAGE) ? TRACE_FITS_NOT : TRACE_FITS;
}
