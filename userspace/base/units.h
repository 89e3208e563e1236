/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Durations and sizes as people write and read them. */
#ifndef HEAPTRAIL_BASE_UNITS_H
#define HEAPTRAIL_BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_TEXT_MAX 24

/* "500ms" "10s" "1.5m" "2h" "1d", a bare number is seconds. 0, -EINVAL, or -ERANGE. */
int units_parse_duration(const char *text, uint64_t *ns);

/* "4096" "512K" "10M" "1.5G" "2T", binary, an optional B or iB after it. 0, -EINVAL, or -ERANGE. */
int units_parse_size(const char *text, uint64_t *bytes);

/* "1.4 MiB", "512 B". Returns text. */
const char *units_format_size(uint64_t bytes, char text[static UNITS_TEXT_MAX]);

/* "1.2 s", "340 ms", "2 min 05 s". Returns text. */
const char *units_format_duration(uint64_t ns, char text[static UNITS_TEXT_MAX]);

/* "1,234,567". Returns text. */
const char *units_format_count(uint64_t count, char text[static UNITS_TEXT_MAX + 8]);

#endif
