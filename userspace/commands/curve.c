// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/curve.h"

#include <string.h>

const char *curve_draw(const uint64_t *values, size_t count, size_t columns, uint64_t *most,
		       char text[static CURVE_TEXT_MAX])
{
	static const char *const LEVELS[] = { "\u2581", "\u2582", "\u2583", "\u2584",
					      "\u2585", "\u2586", "\u2587", "\u2588" };
	uint64_t drawn[CURVE_COLUMNS_MAX] = { 0 };
	size_t used = 0;

	columns = columns < CURVE_COLUMNS_MAX ? columns : CURVE_COLUMNS_MAX;
	columns = count < columns ? count : columns;
	*most = 0;
	for (size_t i = 0; i < count; i++) {
		size_t column = i * columns / count;
		drawn[column] = values[i] > drawn[column] ? values[i] : drawn[column];
		*most = values[i] > *most ? values[i] : *most;
	}
	for (size_t i = 0; i < columns; i++) {
		const char *level =
			drawn[i] ? LEVELS[(size_t)((double)drawn[i] / (double)*most * 7.99)] : " ";
		memcpy(text + used, level, strlen(level));
		used += strlen(level);
	}
	text[used] = 0;
	return text;
}
