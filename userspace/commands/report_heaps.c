// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/report_heaps.h"

#include "base/text.h"
#include "base/units.h"
#include "commands/report_fields.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define HEAPS_SHOWN_MAX 4

/* What the recording knows to be live: as asked for, and about what the allocator needs for that.
 */
struct known {
	uint64_t bytes, chunk_bytes;
};

/* What a census says of one row of the table. */
typedef uint64_t row_value(const json_t *census, struct known known);

static uint64_t known_since(const json_t *census, struct known known)
{
	(void)census;
	return known.bytes;
}

/* What the program has, less what the recording knows of. */
static uint64_t older(const json_t *census, struct known known)
{
	uint64_t used = get(census, "used_bytes") + get(census, "mapped_bytes");

	return used > known.chunk_bytes ? used - known.chunk_bytes : 0;
}

static uint64_t not_returned(const json_t *census, struct known known)
{
	(void)known;
	return get(census, "cached_bytes") + get(census, "fast_bytes") + get(census, "free_bytes") +
	       get(census, "top_bytes");
}

static uint64_t at_ends(const json_t *census, struct known known)
{
	(void)known;
	return get(census, "top_bytes");
}

/* Holes: what keeps the pages of blocks beside them. */
static uint64_t between_blocks(const json_t *census, struct known known)
{
	(void)known;
	return get(census, "free_bytes") + get(census, "fast_bytes");
}

/* What is larger takes more from the system, however much is free. */
static uint64_t largest_free(const json_t *census, struct known known)
{
	(void)known;
	return get(census, "largest_free_bytes");
}

static uint64_t in_caches(const json_t *census, struct known known)
{
	(void)known;
	return get(census, "cached_bytes");
}

static uint64_t mapped(const json_t *census, struct known known)
{
	(void)known;
	return get(census, "mapped_bytes");
}

static uint64_t unread(const json_t *census, struct known known)
{
	(void)known;
	return get(census, "unread_bytes");
}

static uint64_t rss(const json_t *census, struct known known)
{
	(void)known;
	return get(census, "rss_bytes");
}

static uint64_t pss(const json_t *census, struct known known)
{
	(void)known;
	return get(census, "pss_bytes");
}

static uint64_t swap(const json_t *census, struct known known)
{
	(void)known;
	return get(census, "swap_bytes");
}

static const struct {
	const char *label;
	row_value *value;
	bool is_of_arenas; /* without one there is nothing to say */
	bool is_optional;  /* left out where it is 0 */
} ROWS[] = {
	{ "live, allocated since", known_since, false, false },
	{ "live, older", older, true, false },
	{ "free, but not returned", not_returned, true, false },
	{ "  between blocks", between_blocks, true, false },
	{ "    the largest of these", largest_free, true, true },
	{ "  in threads' caches", in_caches, true, true },
	{ "  at the ends of arenas", at_ends, true, true },
	{ "of live: mapped singly", mapped, true, true },
	{ "not counted", unread, true, true },
	{ "resident (RSS)", rss, false, false },
	{ "its share (PSS)", pss, false, false },
	{ "swapped out", swap, false, true },
};

static const json_t *find(const json_t *censuses, uint64_t pid, const char *moment)
{
	const json_t *census;
	size_t i;

	json_array_foreach(censuses, i,
			   census) if (get(census, "pid") == pid &&
				       strcmp(json_string_value(json_object_get(census, "moment")),
					      moment) == 0) return census;
	return NULL;
}

static const json_t *process_of(const json_t *report, uint64_t pid)
{
	const json_t *process;
	size_t i;

	json_array_foreach(json_object_get(report, "processes"), i,
			   process) if (get(process, "pid") == pid) return process;
	return NULL;
}

static const struct known NOTHING;

/* glibc's chunks have 8 to 23 bytes more than was asked for, and at least 32. */
static struct known known_of(const json_t *process)
{
	struct known known = { 0 };

	if (!process)
		return known;
	uint64_t blocks = get(process, "live_blocks");
	known.bytes = get(process, "live_bytes");
	known.chunk_bytes = known.bytes + 16 * blocks > 32 * blocks ? known.bytes + 16 * blocks
								    : 32 * blocks;
	return known;
}

static void print_cell(const json_t *census, size_t row, struct known known)
{
	char text[UNITS_TEXT_MAX];

	if (!census || (ROWS[row].is_of_arenas && !get(census, "arenas")))
		printf(" %12s", "-");
	else
		printf(" %12s", units_format_size(ROWS[row].value(census, known), text));
}

static void print_heap(const json_t *report, uint64_t pid)
{
	const json_t *censuses = json_object_get(report, "censuses");
	const json_t *first = find(censuses, pid, "attach"), *last = find(censuses, pid, "end");
	const json_t *process = process_of(report, pid);
	const char *comm = process ? json_string_value(json_object_get(process, "comm")) : NULL;
	struct known known = known_of(process);
	char title[128], safe[96];

	snprintf(title, sizeof(title), "pid %" PRIu64 "%s%s", pid, comm ? ", " : "",
		 comm ? text_safe(safe, sizeof(safe), comm, strlen(comm)) : "");
	printf("%-28s %12s %12s\n", title, first ? "AT ATTACH" : "", last ? "AT THE END" : "");
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
		if (ROWS[i].is_of_arenas && !get(first ? first : last, "arenas"))
			continue;
		if (ROWS[i].is_optional && !(first && ROWS[i].value(first, NOTHING)) &&
		    !(last && ROWS[i].value(last, NOTHING)))
			continue;
		printf("  %-26s", ROWS[i].label);
		if (first)
			print_cell(first, i, NOTHING);
		else
			printf(" %12s", "");
		if (last)
			print_cell(last, i, known);
		putchar('\n');
	}
	if (!get(first ? first : last, "arenas"))
		puts("  (no heap of glibc's malloc was found in it: blocks from before cannot be counted)");
	putchar('\n');
}

void report_heaps(const json_t *report)
{
	const json_t *censuses = json_object_get(report, "censuses"), *census;
	uint64_t shown[HEAPS_SHOWN_MAX];
	size_t i, count = 0, left = 0;

	json_array_foreach(censuses, i, census)
	{
		uint64_t pid = get(census, "pid");
		bool is_known = false;
		for (size_t k = 0; k < count; k++)
			is_known |= shown[k] == pid;
		if (is_known)
			continue;
		if (count == HEAPS_SHOWN_MAX) {
			left += strcmp(json_string_value(json_object_get(census, "moment")),
				       "attach") == 0;
			continue;
		}
		shown[count++] = pid;
		print_heap(report, pid);
	}
	if (left)
		printf("and the heaps of %zu more processes: see --json\n\n", left);
}
