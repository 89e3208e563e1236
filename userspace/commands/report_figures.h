/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures of a row of a report, and tables of them. */
#ifndef HEAPTRAIL_COMMANDS_REPORT_FIGURES_H
#define HEAPTRAIL_COMMANDS_REPORT_FIGURES_H

#include "commands/columns.h"

#include <jansson.h>

#define FIGURE_CURVE_WIDTH 16

/* Writes a cell from the sums (docs/report-json.md) of a row. */
typedef void figure_fn(char *cell, const json_t *sums);

figure_fn figure_live, figure_blocks, figure_peak, figure_most_blocks, figure_allocated,
	figure_count, figure_temporary, figure_growth, figure_error, figure_over_time, figure_grown,
	figure_from, figure_to, figure_chain, figure_mapped, figure_calls, figure_files;

struct figure {
	const char *heading;
	figure_fn *fill;
	const char *sort; /* the key by which rows may be sorted by it; NULL: by none */
	int width;	  /* 0: as usual */
};

struct figures_table {
	const struct figure *figures;
	struct columns columns;
};

/* As wide as that. What rows are sorted by is shown however narrow it is. */
struct figures_table figures_table(const struct figure *figures, size_t count, const char *sort,
				   int width);

#define FIGURES_TABLE(figures, sort, width) \
	figures_table(figures, sizeof(figures) / sizeof((figures)[0]), sort, width)

/* The figures of one row; its text is to follow. */
void figures_print(const struct figures_table *table, const json_t *sums);

#endif
