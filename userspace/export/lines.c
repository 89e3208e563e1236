// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"
#include "export/export.h"

#include <inttypes.h>
#include <string.h>

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static char *write_line(const json_t *frame, char *text, size_t size)
{
	const char *function = export_text(frame, "function"), *file = export_text(frame, "file"),
		   *module = export_text(frame, "module");
	uint64_t address = export_number(frame, "module_offset"),
		 line = export_number(frame, "line");
	char place[512], whole[1536];

	if (*file)
		snprintf(place, sizeof(place), "%.400s:%" PRIu64, base_name(file), line);
	else
		snprintf(place, sizeof(place), "in %.400s", *module ? module : "anonymous memory");
	snprintf(whole, sizeof(whole), "0x%" PRIx64 ": %.960s (%s)", address,
		 *function ? function : "???", place);
	return text_safe(text, size, whole, strlen(whole));
}

void export_lines_begin(struct export_lines *lines)
{
	lines->lines = json_array();
	lines->indexes = json_object();
}

size_t export_lines_index(struct export_lines *lines, const json_t *frame)
{
	size_t index = json_array_size(lines->lines);
	char text[4096];

	write_line(frame, text, sizeof(text));
	const json_t *known = json_object_get(lines->indexes, text);
	if (known)
		return (size_t)json_integer_value(known);
	json_array_append_new(lines->lines, json_string(text));
	json_object_set_new(lines->indexes, text, json_integer((json_int_t)index));
	return index;
}

void export_lines_end(struct export_lines *lines)
{
	json_decref(lines->lines);
	json_decref(lines->indexes);
}
