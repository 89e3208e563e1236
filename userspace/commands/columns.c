// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/columns.h"

#include "base/text.h"
#include "commands/terminal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WIDTH	      10
#define TEXT_MIN      34
#define TEXT_SIZE_MAX 4096

static int width_of(const struct columns *columns, size_t i)
{
	return columns->widths[i] ? columns->widths[i] : WIDTH;
}

static bool is_shown(const struct columns *columns, size_t i)
{
	return i < columns->shown || i == columns->kept;
}

/* A blank after each, and one more before the text. */
static int indent_of(const struct columns *columns)
{
	int indent = 1;

	for (size_t i = 0; i < columns->count; i++)
		indent += is_shown(columns, i) ? width_of(columns, i) + 1 : 0;
	return indent;
}

void columns_fit(struct columns *columns, int width)
{
	int least = width / 2 < TEXT_MIN ? width / 2 : TEXT_MIN;

	columns->shown = columns->count;
	while (columns->shown > 0 && width - indent_of(columns) < least)
		columns->shown--;
	columns->indent = indent_of(columns);
	/* on the narrowest terminals texts have lines of their own */
	if (width - columns->indent < 16)
		columns->indent = 2;
	columns->text_width = width - columns->indent;
}

static bool has_own_lines(const struct columns *columns)
{
	return columns->indent < indent_of(columns);
}

static void print_cell(const char *text, int width)
{
	int columns = text_columns(text);

	printf("%*s%s ", columns < width ? width - columns : 0, "", text);
}

/* Between the figures and the text. */
static void begin_text(const struct columns *columns)
{
	if (has_own_lines(columns))
		printf("\n%*s", columns->indent, "");
	else
		putchar(' ');
}

void columns_print_heading(const struct columns *columns, const char *text)
{
	char fitted[TEXT_SIZE_MAX];

	fputs(terminal_strong(), stdout);
	for (size_t i = 0; i < columns->count; i++)
		if (is_shown(columns, i))
			print_cell(columns->headings[i], width_of(columns, i));
	begin_text(columns);
	printf("%s%s\n", text_fit(fitted, sizeof(fitted), text, strlen(text), columns->text_width),
	       terminal_plain());
}

void columns_print_cells(const struct columns *columns, const struct cells *cells)
{
	for (size_t i = 0; i < columns->count; i++)
		if (is_shown(columns, i))
			print_cell(cells->text[i], width_of(columns, i));
	begin_text(columns);
}

void columns_print_text(const struct columns *columns, const char *text, size_t length, int indent)
{
	char fitted[TEXT_SIZE_MAX];
	int most = columns->text_width - 16;

	/* what is deeper than there is room for is not shown as deep */
	indent = most < 0 ? 0 : indent < most ? indent : most;
	printf("%*s%s\n", indent, "",
	       text_fit(fitted, sizeof(fitted), text, length, columns->text_width - indent));
}
