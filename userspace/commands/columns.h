/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of some figures and a text in each row, as wide as the terminal: where it is narrow,
 * figures are left out from the right, and texts lose their middle. */
#ifndef HEAPTRAIL_COMMANDS_COLUMNS_H
#define HEAPTRAIL_COMMANDS_COLUMNS_H

#include <stddef.h>

#define COLUMNS_MAX	 8
#define COLUMNS_CELL_MAX 64 /* bytes */

struct columns {
	const char *headings[COLUMNS_MAX];
	int widths[COLUMNS_MAX]; /* 0: 10 */
	size_t count;
	size_t kept;	/* always shown: what rows are sorted by */
	size_t shown;	/* how many, once they are fitted: the first ones, and kept */
	int indent;	/* columns before the text */
	int text_width; /* at least 16 */
};

/* One row's figures. */
struct cells {
	char text[COLUMNS_MAX][COLUMNS_CELL_MAX];
};

void columns_fit(struct columns *columns, int width);

/* The headings, emphasised, and that of the text. */
void columns_print_heading(const struct columns *columns, const char *text);

/* The figures; the text is to follow. */
void columns_print_cells(const struct columns *columns, const struct cells *cells);

/* Any bytes, made safe and fitted, indented so far within its column, and the end of the line. */
void columns_print_text(const struct columns *columns, const char *text, size_t length, int indent);

#endif
