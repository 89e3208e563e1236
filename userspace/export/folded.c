// SPDX-License-Identifier: GPL-2.0-or-later
/* Folded stacks: a line for each, outermost function first, with one number, or, beside another
 * capture, with two; as flamegraph.pl and others read them. */
#include "export/export.h"

#include <inttypes.h>
#include <stdlib.h>
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

static void write_stack(FILE *out, const json_t *row)
{
	const json_t *frames = json_object_get(row, "frames");
	size_t count = json_array_size(frames);

	if (!count)
		fputs("(no stack)", out);
	for (size_t i = count; i-- > 0;) {
		write_frame(out, json_array_get(frames, i));
		if (i)
			putc(';', out);
	}
}

static void write_row(struct export *export, const json_t *row)
{
	uint64_t value = export_number(row, export->metric);

	if (!value)
		return;
	write_stack(export->out, row);
	fprintf(export->out, " %" PRIu64 "\n", value);
}

const struct export_format EXPORT_FOLDED = { .name = "folded",
					     .summary = "folded stacks, for flame graphs",
					     .row = write_row };

static void begin_difference(struct export *export)
{
	export->state = json_object();
	export->has_failed |= !export->state;
}

/* Two stacks of the same names are one line. */
static void add_to_difference(struct export *export, const json_t *row)
{
	uint64_t value = export_number(row, export->metric);
	size_t side = export->is_base ? 0 : 1, size;
	char *line = NULL;

	if (!value || !export->state)
		return;
	FILE *text = open_memstream(&line, &size);
	if (text)
		write_stack(text, row);
	if (!text || fclose(text)) {
		export->has_failed = true;
		free(line);
		return;
	}
	json_t *pair = json_object_get(export->state, line);
	if (!pair) {
		pair = json_pack("[i, i]", 0, 0);
		export->has_failed |= json_object_set_new(export->state, line, pair) != 0;
	}
	json_t *sum = json_array_get(pair, side);
	if (sum)
		json_integer_set(sum,
				 (json_int_t)export_add((uint64_t)json_integer_value(sum), value));
	free(line);
}

static void end_difference(struct export *export)
{
	const char *line;
	json_t *pair;

	json_object_foreach((json_t *)export->state, line, pair)
		fprintf(export->out, "%s %" JSON_INTEGER_FORMAT " %" JSON_INTEGER_FORMAT "\n", line,
			json_integer_value(json_array_get(pair, 0)),
			json_integer_value(json_array_get(pair, 1)));
	json_decref(export->state);
}

const struct export_format EXPORT_FOLDED_DIFFERENCE = { .name = "folded",
							.summary = "folded stacks of two captures",
							.begin = begin_difference,
							.row = add_to_difference,
							.end = end_difference };
