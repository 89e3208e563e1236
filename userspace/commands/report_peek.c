// SPDX-License-Identifier: GPL-2.0-or-later
/* A function between its callers and its callees. */
#include "base/units.h"
#include "commands/report_fields.h"
#include "commands/report_figures.h"
#include "commands/report_stacks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *field_of(const char *sort)
{
	static const char *const FIELDS[][2] = {
		{ "live", "live_bytes" },	    { "blocks", "live_blocks" },
		{ "peak", "peak_bytes" },	    { "most-blocks", "most_blocks" },
		{ "allocated", "allocated_bytes" }, { "count", "allocations" },
		{ "temporary", "temporary" },
	};

	for (size_t i = 0; i < sizeof(FIELDS) / sizeof(FIELDS[0]); i++)
		if (strcmp(FIELDS[i][0], sort) == 0)
			return FIELDS[i][1];
	return "live_bytes";
}

/* Of a row, which has it as a field of its own. */
static void share(char *cell, const json_t *row)
{
	snprintf(cell, COLUMNS_CELL_MAX, "%.1f %%",
		 json_real_value(json_object_get(row, "share_percent")));
}

static const struct figure FIGURES[] = {
	{ "SHARE", share, NULL, 8 },	       { "LIVE", figure_live, "live", 0 },
	{ "PEAK<=", figure_peak, "peak", 0 },  { "ALLOCATED", figure_allocated, "allocated", 0 },
	{ "COUNT", figure_count, "count", 0 },
};

struct peeking {
	struct figures_table table;
	const char *field;
	uint64_t whole; /* of the function */
	size_t limit;
};

static void print_row(const struct peeking *peeking, json_t *sums, const char *name, int indent)
{
	double part = (double)get(sums, peeking->field);

	json_object_set_new(sums, "share_percent",
			    json_real(peeking->whole ? 100 * part / (double)peeking->whole : 0));
	figures_print(&peeking->table, sums);
	columns_print_text(&peeking->table.columns, name, strlen(name), indent);
}

static void print_function(const struct peeking *peeking, json_t *sums, const char *mark,
			   int indent)
{
	const char *name = get_text(sums, "function"), *module = get_text(sums, "module");
	const char *slash = strrchr(module, '/');
	char *text = NULL;

	if (asprintf(&text, "%s%s [%s]", mark, *name ? name : "(no name)",
		     *module ? (slash ? slash + 1 : module) : "anonymous") < 0)
		text = NULL;
	print_row(peeking, sums, text ? text : "(out of memory)", indent);
	free(text);
}

static void print_list(const struct peeking *peeking, const json_t *list, const char *mark)
{
	json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
	{
		if (peeking->limit && i == peeking->limit) {
			printf("%*sand %zu more: see --limit\n", peeking->table.columns.indent, "",
			       json_array_size(list) - i);
			return;
		}
		print_function(peeking, row, mark, 2);
	}
}

/* What is none: only where there is some. */
static void print_rest(const struct peeking *peeking, json_t *sums, const char *text)
{
	if (get(sums, "allocations") || get(sums, "reallocations") || get(sums, "live_blocks"))
		print_row(peeking, sums, text, 2);
}

void report_peek(const json_t *functions, const char *sort, size_t limit, int width)
{
	struct peeking peeking = { .table = FIGURES_TABLE(FIGURES, sort, width),
				   .field = field_of(sort),
				   .limit = limit };
	json_t *function;
	size_t i;

	if (json_array_size(functions) == 0)
		puts("no function that allocates, or through which others do, has such a name");
	json_array_foreach(functions, i, function)
	{
		if (limit && i == limit) {
			printf("\nand %zu more functions: see --limit\n",
			       json_array_size(functions) - i);
			return;
		}
		if (i)
			putchar('\n');
		peeking.whole = get(function, peeking.field);
		columns_print_heading(&peeking.table.columns, "< CALLER, FUNCTION, > CALLEE");
		print_list(&peeking, json_object_get(function, "callers"), "< ");
		print_rest(&peeking, json_object_get(function, "outermost"), "< (nobody)");
		print_function(&peeking, function, "", 0);
		print_rest(&peeking, json_object_get(function, "own"), "> (itself)");
		print_list(&peeking, json_object_get(function, "callees"), "> ");
	}
}
