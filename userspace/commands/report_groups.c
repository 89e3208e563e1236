// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"
#include "base/units.h"
#include "commands/report_fields.h"
#include "commands/terminal.h"
#include "commands/report_stacks.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Functions and modules: all stacks that pass through, so that rows do not add up. */
void report_groups(const json_t *groups, const char *by, size_t limit, int width)
{
	bool is_inclusive = strcmp(by, "function") == 0 || strcmp(by, "module") == 0;
	const json_t *group;
	size_t i;

	printf("%10s %10s %10s %10s %10s  %s\n", "LIVE", is_inclusive ? "OWN LIVE" : "PEAK",
	       "ALLOCATED", "COUNT", "MEAN LIFE", strcmp(by, "thread") == 0 ? "THREAD" : "NAME");
	json_array_foreach(groups, i, group)
	{
		char live[UNITS_TEXT_MAX], other[UNITS_TEXT_MAX], all[UNITS_TEXT_MAX],
			life[UNITS_TEXT_MAX], text[1400], safe[2048];
		const char *name = get_text(group, "name"), *module = get_text(group, "module");
		const char *slash = strrchr(module, '/');
		if (limit && i == limit)
			break;
		if (get(group, "tid"))
			snprintf(text, sizeof(text), "%s (%" PRIu64 " of pid %" PRIu64 ")", name,
				 get(group, "tid"), get(group, "pid"));
		else
			snprintf(text, sizeof(text), "%s%s%s%s", *name ? name : "(no name)",
				 *module ? " [" : "", slash ? slash + 1 : module,
				 *module ? "]" : "");
		text_safe(safe,
			  width > REPORT_SUMS_WIDTH + 20 ? (size_t)(width - REPORT_SUMS_WIDTH + 1)
							 : 21,
			  text, strlen(text));
		printf("%10s %10s %10s %10" PRIu64 " %10s  %s\n",
		       units_format_size(get(group, "live_bytes"), live),
		       units_format_size(get(group, is_inclusive ? "own_live_bytes" : "peak_bytes"),
					 other),
		       units_format_size(get(group, "allocated_bytes"), all),
		       get(group, "allocations") + get(group, "reallocations"),
		       get(group, "ended")
			       ? units_format_duration(get(group, "mean_lifetime_ns"), life)
			       : "-",
		       safe);
	}
}

static void print_bar(uint64_t value, uint64_t most)
{
	for (int i = 0; most && i < (int)((double)value / (double)most * 40 + 0.5); i++)
		putchar('#');
	putchar('\n');
}

static uint64_t most_of(const json_t *bins, const char *field)
{
	const json_t *bin;
	uint64_t most = 0;
	size_t i;

	json_array_foreach(bins, i, bin) most = get(bin, field) > most ? get(bin, field) : most;
	return most;
}

void report_histograms(const json_t *report)
{
	const json_t *sizes = json_object_get(report, "sizes"), *bin;
	const json_t *lifetimes = json_object_get(report, "lifetimes");
	uint64_t most = most_of(sizes, "allocations");
	char from[UNITS_TEXT_MAX], live[UNITS_TEXT_MAX];
	size_t i;

	printf("%s%10s %12s %12s %12s%s\n", terminal_strong(), "SIZE FROM", "ALLOCATIONS",
	       "LIVE BLOCKS", "LIVE", terminal_plain());
	json_array_foreach(sizes, i, bin)
	{
		printf("%10s %12" PRIu64 " %12" PRIu64 " %12s  ",
		       units_format_size(get(bin, "from"), from), get(bin, "allocations"),
		       get(bin, "live_blocks"), units_format_size(get(bin, "live_bytes"), live));
		print_bar(get(bin, "allocations"), most);
	}
	most = most_of(lifetimes, "blocks");
	printf("\n%s%10s %12s%s\n", terminal_strong(), "LIVED FROM", "BLOCKS", terminal_plain());
	json_array_foreach(lifetimes, i, bin)
	{
		printf("%10s %12" PRIu64 "  ", units_format_duration(get(bin, "from_ns"), from),
		       get(bin, "blocks"));
		print_bar(get(bin, "blocks"), most);
	}
}
