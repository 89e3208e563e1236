/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields of a report as the reader answers it. */
#ifndef HEAPTRAIL_COMMANDS_REPORT_FIELDS_H
#define HEAPTRAIL_COMMANDS_REPORT_FIELDS_H

#include <jansson.h>
#include <stdint.h>

static inline uint64_t get(const json_t *object, const char *field)
{
	return (uint64_t)json_integer_value(json_object_get(object, field));
}

static inline const char *get_text(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

#endif
