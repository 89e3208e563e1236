// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	double factor;
};

static const struct unit DURATIONS[] = {
	{ "", 1e9 },   { "ns", 1 },	{ "us", 1e3 },	 { "ms", 1e6 },	   { "s", 1e9 },
	{ "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 }, { "d", 86400e9 },
};

static const struct unit SIZES[] = {
	{ "", 1 },	   { "B", 1 },	      { "K", 0x1p10 },	 { "KB", 0x1p10 },
	{ "KIB", 0x1p10 }, { "M", 0x1p20 },   { "MB", 0x1p20 },	 { "MIB", 0x1p20 },
	{ "G", 0x1p30 },   { "GB", 0x1p30 },  { "GIB", 0x1p30 }, { "T", 0x1p40 },
	{ "TB", 0x1p40 },  { "TIB", 0x1p40 },
};

static int parse(const char *text, const struct unit *units, size_t count, uint64_t *value)
{
	char *end;

	/* strtod takes signs, blanks, hex, exponents, inf and nan; none of these is a duration or
	 * a size. */
	double number = isdigit((unsigned char)text[0]) ? strtod(text, &end) : 0;
	if (!isdigit((unsigned char)text[0]) || end != text + strspn(text, "0123456789."))
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(end, units[i].name) != 0)
			continue;
		double scaled = number * units[i].factor;
		if (!(scaled < 0x1p63))
			return -ERANGE;
		*value = (uint64_t)llround(scaled);
		return 0;
	}
	return -EINVAL;
}

int units_parse_duration(const char *text, uint64_t *ns)
{
	return parse(text, DURATIONS, sizeof(DURATIONS) / sizeof(DURATIONS[0]), ns);
}

int units_parse_size(const char *text, uint64_t *bytes)
{
	return parse(text, SIZES, sizeof(SIZES) / sizeof(SIZES[0]), bytes);
}

const char *units_format_size(uint64_t bytes, char text[static UNITS_TEXT_MAX])
{
	static const char *const NAMES[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double scaled = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 " B", bytes);
		return text;
	}
	/* 1023.95 would print as 1024.0 */
	while (scaled >= 1023.95 && i + 1 < sizeof(NAMES) / sizeof(NAMES[0])) {
		scaled /= 1024;
		i++;
	}
	snprintf(text, UNITS_TEXT_MAX, "%.1f %s", scaled, NAMES[i]);
	return text;
}

const char *units_format_duration(uint64_t ns, char text[static UNITS_TEXT_MAX])
{
	/* 59.95 would print as 60.0, 999.95 as 1000.0 */
	uint64_t seconds = (ns > UINT64_MAX - 50000000 ? ns : ns + 50000000) / 1000000000;

	if (ns < 999950)
		snprintf(text, UNITS_TEXT_MAX, "%.1f us", (double)ns / 1e3);
	else if (ns < 999950000)
		snprintf(text, UNITS_TEXT_MAX, "%.1f ms", (double)ns / 1e6);
	else if (seconds < 60)
		snprintf(text, UNITS_TEXT_MAX, "%.1f s", (double)ns / 1e9);
	else if (seconds < 3600)
		snprintf(text, UNITS_TEXT_MAX, "%u min %02u s", (unsigned)(seconds / 60),
			 (unsigned)(seconds % 60));
	else
		snprintf(text, UNITS_TEXT_MAX, "%" PRIu64 " h %02u min", seconds / 3600,
			 (unsigned)(seconds / 60 % 60));
	return text;
}

const char *units_format_count(uint64_t count, char text[static UNITS_TEXT_MAX + 8])
{
	char digits[UNITS_TEXT_MAX];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *out = text;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = 0;
	return text;
}
