// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"
#include "commands/report_fields.h"
#include "commands/report_figures.h"
#include "commands/report_stacks.h"
#include "commands/terminal.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void own_live(char *cell, const json_t *sums)
{
	char text[UNITS_TEXT_MAX];

	snprintf(cell, COLUMNS_CELL_MAX, "%s",
		 units_format_size(get(sums, "own_live_bytes"), text));
}

static void mean_life(char *cell, const json_t *sums)
{
	char text[UNITS_TEXT_MAX];

	snprintf(cell, COLUMNS_CELL_MAX, "%s",
		 get(sums, "ended") ? units_format_duration(get(sums, "mean_lifetime_ns"), text)
				    : "-");
}

/* Functions and modules: all stacks that pass through, so that rows do not add up. Tags: those
 * below them, too. */
static const struct figure INCLUSIVE[] = {
	{ "LIVE", figure_live, "live", 0 },
	{ "OWN LIVE", own_live, NULL, 0 },
	{ "ALLOCATED", figure_allocated, "allocated", 0 },
	{ "COUNT", figure_count, "count", 0 },
	{ "MEAN LIFE", mean_life, NULL, 0 },
};

/* Of several threads that need not have peaked at the same time. */
static const struct figure TOGETHER[] = {
	{ "LIVE", figure_live, "live", 0 },
	{ "PEAK<=", figure_peak, "peak", 0 },
	{ "ALLOCATED", figure_allocated, "allocated", 0 },
	{ "COUNT", figure_count, "count", 0 },
	{ "MEAN LIFE", mean_life, NULL, 0 },
};

static const struct figure EXCLUSIVE[] = {
	{ "LIVE", figure_live, "live", 0 },
	{ "PEAK", figure_peak, "peak", 0 },
	{ "ALLOCATED", figure_allocated, "allocated", 0 },
	{ "COUNT", figure_count, "count", 0 },
	{ "MEAN LIFE", mean_life, NULL, 0 },
};

/* name [module], or thread (tid of pid). The caller's to free; NULL: out of memory. */
static char *label_of(const json_t *group)
{
	const char *name = get_text(group, "name"), *module = get_text(group, "module");
	const char *slash = strrchr(module, '/');
	char *text = NULL;
	int n;

	if (get(group, "tid"))
		n = asprintf(&text, "%s (%" PRIu64 " of pid %" PRIu64 ")", name, get(group, "tid"),
			     get(group, "pid"));
	else
		n = asprintf(&text, "%s%s%s%s", *name ? name : "(no name)", *module ? " [" : "",
			     slash ? slash + 1 : module, *module ? "]" : "");
	return n < 0 ? NULL : text;
}

/* Below what it is below, without that name. */
static char *tag_label(const json_t *group, int *indent)
{
	const char *name = get_text(group, "name"), *last = name;
	char *text;

	for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
		*indent += 2 * (slash > name);
		last = slash + (slash > name);
	}
	return asprintf(&text, "%s", *name ? last : "(without a tag)") < 0 ? NULL : text;
}

static void print_label(const struct columns *columns, char *label, int indent)
{
	const char *text = label ? label : "(out of memory)";

	columns_print_text(columns, text, strlen(text), indent);
	free(label);
}

static struct figures_table table_by(const char *by, const char *sort, int width)
{
	if (strcmp(by, "function") == 0 || strcmp(by, "module") == 0 || strcmp(by, "tag") == 0)
		return FIGURES_TABLE(INCLUSIVE, sort, width);
	if (strcmp(by, "thread-name") == 0 || strcmp(by, "executable") == 0 ||
	    strcmp(by, "cgroup") == 0)
		return FIGURES_TABLE(TOGETHER, sort, width);
	return FIGURES_TABLE(EXCLUSIVE, sort, width);
}

void report_groups(const json_t *groups, const char *by, const char *sort, size_t limit, int width)
{
	const struct figures_table table = table_by(by, sort, width);
	const json_t *group;
	size_t i;

	bool has_levels = strcmp(by, "tag") == 0;

	columns_print_heading(&table.columns, strcmp(by, "thread") == 0 ? "THREAD" : "NAME");
	json_array_foreach(groups, i, group)
	{
		int indent = 0;
		if (limit && i == limit)
			break;
		figures_print(&table, group);
		char *label = has_levels ? tag_label(group, &indent) : label_of(group);
		print_label(&table.columns, label, indent);
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
