// SPDX-License-Identifier: GPL-2.0-or-later
/* Folded stacks: a line for each, outermost function first, with one number; as flamegraph.pl and
 * others read them. */
#include "export/export.h"

#include <inttypes.h>
#include <string.h>

static void write_frame(FILE *out, const json_t *frame)
{
	char name[1024];

	export_frame_name(frame, name, sizeof(name));
	for (char *p = name; *p; p++)
		if (*p == ';') /* what separates frames */
			*p = ':';
	fputs(name, out);
}

static void write_row(struct export *export, const json_t *row)
{
	const json_t *frames = json_object_get(row, "frames");
	size_t count = json_array_size(frames);
	uint64_t value = export_number(row, export->metric);

	if (!value)
		return;
	if (!count)
		fputs("(no stack)", export->out);
	for (size_t i = count; i-- > 0;) {
		write_frame(export->out, json_array_get(frames, i));
		if (i)
			putc(';', export->out);
	}
	fprintf(export->out, " %" PRIu64 "\n", value);
}

const struct export_format EXPORT_FOLDED = { "folded", "folded stacks, for flame graphs",
					     NULL,     write_row,
					     NULL,     NULL };
