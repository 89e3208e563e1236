// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/perf_map.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct range {
	uint64_t start, size;
	struct perf_map_name name;
};

/* Digits up to one blank; "0x" may precede them. */
static bool take_number(const char **at, const char *end, uint64_t *value)
{
	const char *p = *at;

	*value = 0;
	if (end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x')
		p += 2;
	const char *first = p;
	for (; p < end && *p != ' '; p++) {
		char c = *p | 0x20;
		int digit = *p >= '0' && *p <= '9' ? *p - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
						   : -1;
		if (digit < 0 || *value >> 60)
			return false;
		*value = *value << 4 | (uint64_t)digit;
	}
	if (p == first || p == end)
		return false;
	*at = p + 1;
	return true;
}

static bool parse_line(const char *at, const char *end, struct range *range)
{
	if (!take_number(&at, end, &range->start) || !take_number(&at, end, &range->size))
		return false;
	if (range->size > UINT64_MAX - range->start)
		return false;
	size_t size = (size_t)(end - at);
	if (size > PERF_MAP_NAME_MAX)
		size = PERF_MAP_NAME_MAX;
	range->name = (struct perf_map_name) { at, strnlen(at, size) };
	return range->name.size > 0;
}

static size_t first_at_least(const uint64_t *addresses, size_t count, uint64_t address)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (addresses[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first place from i on that has no name yet; next[] leads there, and is shortened on the way.
 */
static size_t first_unnamed(uint32_t *next, size_t i)
{
	while (next[i] != i) {
		next[i] = next[next[i]];
		i = next[i];
	}
	return i;
}

/* Behind the last newline before end, or the start. Not memrchr(): sanitizers check all that it
 * might read, for every line. */
static const char *line_start(const char *text, const char *end)
{
	while (end > text && end[-1] != '\n')
		end--;
	return end;
}

/*
 * From the last line to the first, so that what is named once stays so, and is passed over: else
 * lines that all cover all addresses would take their product in time.
 */
int perf_map_find(const char *text, size_t size, const uint64_t *addresses, size_t count,
		  struct perf_map_name *names)
{
	uint32_t *next = count < UINT32_MAX ? malloc((count + 1) * sizeof(*next)) : NULL;
	const char *end = line_start(text, text + size); /* of whole lines */

	if (!next)
		return -ENOMEM;
	for (size_t i = 0; i <= count; i++)
		next[i] = (uint32_t)i;
	memset(names, 0, count * sizeof(*names));
	while (end > text) {
		const char *start = line_start(text, end - 1);
		struct range range;
		if (parse_line(start, end - 1, &range)) {
			size_t i = first_at_least(addresses, count, range.start);
			while ((i = first_unnamed(next, i)) < count &&
			       addresses[i] - range.start < range.size) {
				names[i] = range.name;
				next[i] = (uint32_t)i + 1;
			}
		}
		end = start;
	}
	free(next);
	return 0;
}
