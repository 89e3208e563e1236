// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/report_figures.h"

#include "base/units.h"
#include "commands/curve.h"
#include "commands/report_fields.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OVER_TIME_MAX 64 /* points */

static void size_cell(char *cell, uint64_t bytes)
{
	char text[UNITS_TEXT_MAX];

	snprintf(cell, COLUMNS_CELL_MAX, "%s", units_format_size(bytes, text));
}

void figure_live(char *cell, const json_t *sums)
{
	size_cell(cell, get(sums, "live_bytes"));
}

void figure_blocks(char *cell, const json_t *sums)
{
	snprintf(cell, COLUMNS_CELL_MAX, "%" PRIu64, get(sums, "live_blocks"));
}

void figure_peak(char *cell, const json_t *sums)
{
	size_cell(cell, get(sums, "peak_bytes"));
}

void figure_most_blocks(char *cell, const json_t *sums)
{
	snprintf(cell, COLUMNS_CELL_MAX, "%" PRIu64, get(sums, "most_blocks"));
}

void figure_allocated(char *cell, const json_t *sums)
{
	size_cell(cell, get(sums, "allocated_bytes"));
}

void figure_count(char *cell, const json_t *sums)
{
	snprintf(cell, COLUMNS_CELL_MAX, "%" PRIu64,
		 get(sums, "allocations") + get(sums, "reallocations"));
}

void figure_temporary(char *cell, const json_t *sums)
{
	snprintf(cell, COLUMNS_CELL_MAX, "%" PRIu64, get(sums, "temporary"));
}

void figure_grown(char *cell, const json_t *sums)
{
	snprintf(cell, COLUMNS_CELL_MAX, "%" PRIu64, get(sums, "grown"));
}

/* Of those that grew, on average. */
static void mean_cell(char *cell, uint64_t bytes, uint64_t count)
{
	if (count)
		size_cell(cell, bytes / count);
	else
		snprintf(cell, COLUMNS_CELL_MAX, "-");
}

void figure_from(char *cell, const json_t *sums)
{
	mean_cell(cell, get(sums, "grown_from_bytes"), get(sums, "grown"));
}

void figure_to(char *cell, const json_t *sums)
{
	mean_cell(cell, get(sums, "grown_to_bytes"), get(sums, "grown"));
}

void figure_chain(char *cell, const json_t *sums)
{
	snprintf(cell, COLUMNS_CELL_MAX, "%" PRIu64, get(sums, "longest_chain"));
}

static void rate_cell(char *cell, const json_t *rate)
{
	double bytes = json_real_value(rate);
	char text[UNITS_TEXT_MAX];

	if (json_is_real(rate))
		snprintf(cell, COLUMNS_CELL_MAX, "%s%s", bytes < 0 ? "-" : "",
			 units_format_size((uint64_t)(bytes < 0 ? -bytes : bytes), text));
	else
		snprintf(cell, COLUMNS_CELL_MAX, "-");
}

void figure_growth(char *cell, const json_t *sums)
{
	rate_cell(cell, json_object_get(json_object_get(sums, "growth"), "bytes_per_s"));
}

void figure_error(char *cell, const json_t *sums)
{
	rate_cell(cell, json_object_get(json_object_get(sums, "growth"), "error_bytes_per_s"));
}

void figure_over_time(char *cell, const json_t *sums)
{
	const json_t *points = json_object_get(sums, "over_time");
	size_t count = json_array_size(points);
	uint64_t values[OVER_TIME_MAX], most;
	char curve[CURVE_TEXT_MAX];

	*cell = 0;
	if (count > OVER_TIME_MAX)
		return;
	for (size_t i = 0; i < count; i++)
		values[i] = (uint64_t)json_integer_value(json_array_get(points, i));
	snprintf(cell, COLUMNS_CELL_MAX, "%s",
		 curve_draw(values, count, FIGURE_CURVE_WIDTH, &most, curve));
}

void figure_mapped(char *cell, const json_t *sums)
{
	size_cell(cell, get(sums, "mapped_bytes"));
}

void figure_calls(char *cell, const json_t *sums)
{
	snprintf(cell, COLUMNS_CELL_MAX, "%" PRIu64, get(sums, "calls"));
}

void figure_files(char *cell, const json_t *sums)
{
	size_cell(cell, get(sums, "file_bytes"));
}

struct figures_table figures_table(const struct figure *figures, size_t count, const char *sort,
				   int width)
{
	struct figures_table table = { .figures = figures, .columns = { .count = count } };

	for (size_t i = 0; i < count; i++) {
		table.columns.headings[i] = figures[i].heading;
		table.columns.widths[i] = figures[i].width;
		if (figures[i].sort && strcmp(figures[i].sort, sort) == 0)
			table.columns.kept = i;
	}
	columns_fit(&table.columns, width);
	return table;
}

void figures_print(const struct figures_table *table, const json_t *sums)
{
	struct cells cells;

	for (size_t i = 0; i < table->columns.count; i++)
		table->figures[i].fill(cells.text[i], sums);
	columns_print_cells(&table->columns, &cells);
}
