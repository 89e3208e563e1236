// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"
#include "export/export.h"

#include <inttypes.h>
#include <string.h>

uint64_t export_number(const json_t *object, const char *field)
{
	return (uint64_t)json_integer_value(json_object_get(object, field));
}

uint64_t export_add(uint64_t a, uint64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

const char *export_text(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

char *export_frame_name(const json_t *frame, char *text, size_t size)
{
	const char *function = export_text(frame, "function"),
		   *module = export_text(frame, "module");
	const char *slash = strrchr(module, '/');
	char address[512];

	if (!*function) {
		snprintf(address, sizeof(address), "%s+0x%" PRIx64,
			 *module ? (slash ? slash + 1 : module) : "anonymous",
			 export_number(frame, "module_offset"));
		function = address;
	}
	return text_safe(text, size, function, strlen(function));
}

uint64_t export_end_ns(const json_t *report)
{
	const json_t *capture = json_object_get(report, "capture");

	return export_add(export_number(capture, "begin_ns"),
			  export_number(capture, "duration_ns"));
}

char *export_target_name(const json_t *report, char *text, size_t size)
{
	const json_t *targets = json_object_get(json_object_get(report, "capture"), "targets");
	const json_t *first = json_array_get(targets, 0);
	size_t count = json_array_size(targets);
	const char *name = export_text(first, "exe");
	char whole[2048];

	if (!*name)
		name = export_text(first, "comm");
	snprintf(whole, sizeof(whole), count > 1 ? "%.2000s and %zu more" : "%.2000s", name,
		 count - 1);
	return text_safe(text, size, whole, strlen(whole));
}
