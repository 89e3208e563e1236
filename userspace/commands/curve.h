/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A curve in one line of text: a block character for each moment, as high as the value. */
#ifndef HEAPTRAIL_COMMANDS_CURVE_H
#define HEAPTRAIL_COMMANDS_CURVE_H

#include <stddef.h>
#include <stdint.h>

#define CURVE_COLUMNS_MAX 60
#define CURVE_TEXT_MAX	  (3 * CURVE_COLUMNS_MAX + 1)

/*
 * Of count values in as many columns, at most `columns` of them: each shows the most of its values,
 * since a peak must not fall between two. Blank: 0. The highest is *most.
 */
const char *curve_draw(const uint64_t *values, size_t count, size_t columns, uint64_t *most,
		       char text[static CURVE_TEXT_MAX]);

#endif
