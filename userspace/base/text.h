/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text from outside (names, paths, another worker's message) made safe to show. */
#ifndef HEAPTRAIL_BASE_TEXT_H
#define HEAPTRAIL_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Copies text so that it can go to a terminal or a log: control characters, invalid UTF-8, and the
 * Unicode characters that reorder or hide text (bidi controls, zero-width) become \xNN per byte.
 * Cut at size - 1 bytes, never inside a character. Returns out.
 */
char *text_safe(char *out, size_t size, const char *text, size_t length);

/*
 * The same, in at most so many columns of a terminal (16 and more). What is too long lacks its
 * middle, of which "…1f0c…" is left: a hash of the whole text, so that different ones stay
 * different. size: 4 * columns + 1 is enough. Returns out.
 */
char *text_fit(char *out, size_t size, const char *text, size_t length, int columns);

/* Columns of a terminal that safe text takes. */
int text_columns(const char *text);

/* Lower-case hex; out has room for 2 * size + 1. Returns out. */
char *text_hex(char *out, const void *data, size_t size);

/* Copies at most size - 1 bytes and terminates: for the fixed-size strings of messages. */
void text_copy(char *out, size_t size, const char *text);

#endif
