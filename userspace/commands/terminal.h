/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people see on a terminal: as wide as it is, emphasised where it can be, and by a pager where
 * it is long. Elsewhere text is plain. Nothing is said by emphasis alone.
 */
#ifndef HEAPTRAIL_COMMANDS_TERMINAL_H
#define HEAPTRAIL_COMMANDS_TERMINAL_H

#include <stdbool.h>

enum terminal_color {
	COLOR_AUTO, /* on a terminal, unless $NO_COLOR is set or $TERM is dumb */
	COLOR_ALWAYS,
	COLOR_NEVER,
};

/* "auto", "always" or "never". False: it is none of them. */
bool terminal_color_parse(const char *text, enum terminal_color *color);

/* From here on what is printed goes to the pager, where output is a terminal and there is one. */
void terminal_begin(enum terminal_color color, bool has_pager);

/* What was printed is there, and the pager has been left. False: it could not be written. */
bool terminal_end(void);

int terminal_width(void);

/* What begins and ends emphasis; "" where there is none. */
const char *terminal_strong(void);
const char *terminal_plain(void);

#endif
