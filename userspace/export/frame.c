// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"
#include "export/export.h"

#include <inttypes.h>
#include <string.h>

uint64_t export_number(const json_t *object, const char *field)
{
	return (uint64_t)json_integer_value(json_object_get(object, field));
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
