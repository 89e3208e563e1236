/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The text in which just-in-time compilers tell perf what their code is called: lines of "START
 * SIZE name", numbers in hexadecimal, addresses as they are. A compiler that gives an address to
 * another function writes another line: the later one counts. A line counts once it is whole.
 */
#ifndef HEAPTRAIL_SYMBOLS_PERF_MAP_H
#define HEAPTRAIL_SYMBOLS_PERF_MAP_H

#include <stddef.h>
#include <stdint.h>

#define PERF_MAP_SIZE_MAX (64u << 20)
#define PERF_MAP_NAME_MAX 1024 /* longer names are cut */

struct perf_map_name {
	const char *text; /* within the map, not terminated; NULL: the map does not say */
	size_t size;
};

/*
 * Names count ascending, distinct addresses. Takes time in proportion to the text and the
 * addresses, whatever the text. 0 or -ENOMEM.
 */
int perf_map_find(const char *text, size_t size, const uint64_t *addresses, size_t count,
		  struct perf_map_name *names);

#endif
