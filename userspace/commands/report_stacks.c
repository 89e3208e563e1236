// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/report_stacks.h"

#include "base/units.h"
#include "commands/report_fields.h"
#include "commands/report_figures.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a stack that has more than FRAMES_SHOWN_MAX. */
#define FRAMES_SHOWN_MAX 24
#define FRAMES_OF_LEAF	 16
#define FRAMES_OF_ROOT	 4

#define TREE_INDENT_MAX 40

static const struct figure STACK_FIGURES[] = {
	{ "LIVE", figure_live, "live", 0 },
	{ "PEAK", figure_peak, "peak", 0 },
	{ "ALLOCATED", figure_allocated, "allocated", 0 },
	{ "COUNT", figure_count, "count", 0 },
	{ "TEMPORARY", figure_temporary, "temporary", 0 },
	{ "OVER TIME", figure_over_time, NULL, FIGURE_CURVE_WIDTH },
};

/* Stacks peak at different moments: their sum is what a branch held at most. */
static const struct figure TREE_FIGURES[] = {
	{ "LIVE", figure_live, "live", 0 },
	{ "PEAK<=", figure_peak, "peak", 0 },
	{ "ALLOCATED", figure_allocated, "allocated", 0 },
	{ "COUNT", figure_count, "count", 0 },
	{ "TEMPORARY", figure_temporary, "temporary", 0 },
};

static const struct figure BLOCK_FIGURES[] = {
	{ "LIVE", figure_live, "live", 0 },
	{ "BLOCKS", figure_blocks, "blocks", 0 },
	{ "MOST", figure_most_blocks, "most-blocks", 0 },
	{ "PEAK", figure_peak, "peak", 0 },
	{ "COUNT", figure_count, "count", 0 },
	{ "OVER TIME", figure_over_time, NULL, FIGURE_CURVE_WIDTH },
};

static const struct figure GROWN_FIGURES[] = {
	{ "LIVE", figure_live, "live", 0 },    { "GROWN", figure_grown, "grown", 0 },
	{ "FROM", figure_from, NULL, 0 },      { "TO", figure_to, NULL, 0 },
	{ "IN A ROW", figure_chain, NULL, 0 }, { "ALLOCATED", figure_allocated, "allocated", 0 },
};

static const struct figure GROWTH_FIGURES[] = {
	{ "LIVE", figure_live, "live", 0 },
	{ "A SECOND", figure_growth, "growth", 0 },
	{ "+-", figure_error, NULL, 0 },
	{ "ALLOCATED", figure_allocated, "allocated", 0 },
	{ "COUNT", figure_count, "count", 0 },
	{ "OVER TIME", figure_over_time, NULL, FIGURE_CURVE_WIDTH },
};

static struct figures_table table_by(const char *sort, int width)
{
	if (strcmp(sort, "growth") == 0)
		return FIGURES_TABLE(GROWTH_FIGURES, sort, width);
	if (strcmp(sort, "grown") == 0)
		return FIGURES_TABLE(GROWN_FIGURES, sort, width);
	if (strcmp(sort, "blocks") == 0 || strcmp(sort, "most-blocks") == 0)
		return FIGURES_TABLE(BLOCK_FIGURES, sort, width);
	return FIGURES_TABLE(STACK_FIGURES, sort, width);
}

/* function (file:line), or module+0xoffset. The caller's to free; NULL: out of memory. */
static char *label_of(const json_t *frame)
{
	const char *function = get_text(frame, "function"), *file = get_text(frame, "file");
	const char *module = get_text(frame, "module"), *slash = strrchr(module, '/');
	char *text = NULL;
	int n;

	if (*file && strrchr(file, '/'))
		file = strrchr(file, '/') + 1;
	if (*function && *file)
		n = asprintf(&text, "%s (%s:%" PRIu64 ")%s", function, file, get(frame, "line"),
			     json_is_true(json_object_get(frame, "inlined")) ? " [inlined]" : "");
	else if (*function)
		n = asprintf(&text, "%s [%s]", function, slash ? slash + 1 : module);
	else
		n = asprintf(&text, "%s+0x%" PRIx64,
			     *module ? (slash ? slash + 1 : module) : "anonymous",
			     get(frame, "module_offset"));
	return n < 0 ? NULL : text;
}

static void print_text(const struct columns *columns, const char *text, int indent)
{
	columns_print_text(columns, text, strlen(text), indent);
}

static void print_frame(const struct columns *columns, const json_t *frame, int indent)
{
	char *label = label_of(frame);

	print_text(columns, label ? label : "(out of memory)", indent);
	free(label);
}

/* Behind the figures of a row. Of a deep stack, what allocates and where it began; what lies
 * between is many lines of an interpreter's loop. */
void report_frames(const struct columns *columns, const json_t *frames)
{
	size_t count = json_array_size(frames);
	char left[64];

	if (count == 0)
		print_text(columns, "(no stack)", 0);
	for (size_t i = 0; i < count; i++) {
		if (i)
			printf("%*s", columns->indent, "");
		if (count > FRAMES_SHOWN_MAX && i == FRAMES_OF_LEAF) {
			i = count - FRAMES_OF_ROOT;
			snprintf(left, sizeof(left), "... %zu more: see --tree or --json",
				 i - FRAMES_OF_LEAF);
			print_text(columns, left, 0);
			printf("%*s", columns->indent, "");
		}
		print_frame(columns, json_array_get(frames, i), 0);
	}
}

static void print_rows(const struct figures_table *table, const json_t *rows)
{
	const json_t *row;
	size_t i;

	columns_print_heading(&table->columns, "STACK");
	json_array_foreach(rows, i, row)
	{
		figures_print(table, row);
		report_frames(&table->columns, json_object_get(row, "frames"));
	}
}

/* The table does not have all stacks. */
static void print_share(const json_t *report)
{
	const json_t *rows = json_object_get(report, "rows"), *row;
	size_t i, shown = json_array_size(rows), total = (size_t)get(report, "rows_total");
	char of[UNITS_TEXT_MAX + 8], size[UNITS_TEXT_MAX], all[UNITS_TEXT_MAX];
	uint64_t live = 0;

	if (shown >= total)
		return;
	json_array_foreach(rows, i, row) live += get(row, "live_bytes");
	printf("rows        %zu of %s stacks, with %s of the %s that are live; --limit 0 shows all, --tree adds them up\n\n",
	       shown, units_format_count(total, of), units_format_size(live, size),
	       units_format_size(get(json_object_get(report, "totals"), "live_bytes"), all));
}

void report_table(const json_t *report, int width)
{
	const struct figures_table table = table_by(get_text(report, "sort"), width);

	print_share(report);
	print_rows(&table, json_object_get(report, "rows"));
}

void report_hotspots(const json_t *hotspots, int width)
{
	static const struct {
		const char *sort, *title;
	} LISTS[] = {
		{ "peak", "most bytes at once" },
		{ "most-blocks", "most blocks at once" },
		{ "live", "most bytes at end" },
		{ "blocks", "most blocks at end" },
	};

	for (size_t i = 0; i < sizeof(LISTS) / sizeof(LISTS[0]); i++) {
		const struct figures_table table = FIGURES_TABLE(BLOCK_FIGURES, LISTS[i].sort,
								 width);
		printf("%s%s\n", i ? "\n" : "", LISTS[i].title);
		print_rows(&table, json_object_get(hotspots, LISTS[i].sort));
	}
}

static void print_children(const struct figures_table *table, const json_t *node, int depth)
{
	const json_t *children = json_object_get(node, "children"), *child;
	size_t i;

	json_array_foreach(children, i, child)
	{
		figures_print(table, child);
		print_frame(&table->columns, child,
			    depth < TREE_INDENT_MAX ? depth : TREE_INDENT_MAX);
		/* a chain of single callers needs no deeper indentation to be read */
		print_children(table, child, depth + (json_array_size(children) != 1));
	}
}

void report_tree(const json_t *tree, const char *sort, int width)
{
	const struct figures_table table = FIGURES_TABLE(TREE_FIGURES, sort, width);

	columns_print_heading(&table.columns, "STACK");
	figures_print(&table, tree);
	print_text(&table.columns, "(all)", 0);
	print_children(&table, tree, 1);
}

static const struct figure MAPPED_FIGURES[] = {
	{ "LIVE", figure_live, "live", 0 },    { "PEAK", figure_peak, NULL, 0 },
	{ "MAPPED", figure_mapped, NULL, 0 },  { "COUNT", figure_calls, NULL, 0 },
	{ "OF FILES", figure_files, NULL, 0 },
};

void report_mapped(const json_t *mapped, int width)
{
	const struct figures_table table = FIGURES_TABLE(MAPPED_FIGURES, "live", width);
	char live[UNITS_TEXT_MAX], peak[UNITS_TEXT_MAX], files[UNITS_TEXT_MAX];

	if (get(mapped, "mappings") + get(mapped, "unmappings") + get(mapped, "failed") == 0)
		return;
	printf("\nmapped      %s by the programs themselves, %s of it files; peak %s\n"
	       "            %" PRIu64 " mappings, %" PRIu64 " unmappings (%" PRIu64
	       " of what was there before), %" PRIu64 " remappings, %" PRIu64 " failed\n",
	       units_format_size(get(mapped, "live_bytes"), live),
	       units_format_size(get(mapped, "file_bytes"), files),
	       units_format_size(get(mapped, "peak_bytes"), peak), get(mapped, "mappings"),
	       get(mapped, "unmappings"), get(mapped, "unmap_of_unknown"),
	       get(mapped, "remappings"), get(mapped, "failed"));
	print_rows(&table, json_object_get(mapped, "rows"));
}
