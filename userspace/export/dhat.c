// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DHAT's file, version 2, for valgrind's dh_view.html: all that it shows but accesses, which nobody
 * counted. Format: the comment "File format" of dhat/dh_main.c in valgrind; times are
 * microseconds, as those of other programs that write it.
 */
#include "export/export.h"

#include <stdlib.h>
#include <string.h>

#define SHORT_LIFE_US 10

/* Fields of a program point, and the sums that they are. */
static const struct {
	const char *name, *fields[2];
} VALUES[] = {
	{ "tb", { "allocated_bytes" } }, { "tbk", { "allocations", "reallocations" } },
	{ "tl", { "lifetime_us" } },	 { "mb", { "peak_bytes" } },
	{ "mbk", { "peak_blocks" } },	 { "gb", { "at_peak_bytes" } },
	{ "gbk", { "at_peak_blocks" } }, { "eb", { "live_bytes" } },
	{ "ebk", { "live_blocks" } },
};

#define VALUE_COUNT (sizeof(VALUES) / sizeof(VALUES[0]))

struct state {
	struct export_lines lines; /* the first is "[root]" */
	json_t *points;
	json_t *indexes; /* object: frames of a point -> its place in points */
};

static void begin(struct export *export)
{
	struct state *state = calloc(1, sizeof(*state));

	export->state = state;
	export->has_failed = !state;
	if (!state)
		return;
	export_lines_begin(&state->lines);
	json_array_append_new(state->lines.lines, json_string("[root]"));
	state->points = json_array();
	state->indexes = json_object();
}

/* The point of these frames. The viewer refuses two of one stack, which are two rows where their
 * walks ended otherwise. */
static json_t *point_of(struct state *state, const json_t *frames)
{
	json_t *indexes = json_array();

	for (size_t i = 0; i < json_array_size(frames); i++)
		json_array_append_new(indexes, json_integer((json_int_t)export_lines_index(
						       &state->lines, json_array_get(frames, i))));
	char *key = json_dumps(indexes, JSON_COMPACT);
	json_t *point = key ? json_object_get(state->indexes, key) : NULL;
	if (key && !point) {
		point = json_pack("{s:O}", "fs", indexes);
		json_object_set(state->indexes, key, point);
		json_array_append_new(state->points, point);
	}
	free(key);
	json_decref(indexes);
	return point;
}

static void write_row(struct export *export, const json_t *row)
{
	struct state *state = export->state;
	json_t *point = state ? point_of(state, json_object_get(row, "frames")) : NULL;

	export->has_failed |= !point;
	for (size_t i = 0; point && i < VALUE_COUNT; i++) {
		uint64_t value = export_add(export_number(point, VALUES[i].name),
					    export_number(row, VALUES[i].fields[0]));
		if (VALUES[i].fields[1])
			value = export_add(value, export_number(row, VALUES[i].fields[1]));
		json_object_set_new(point, VALUES[i].name, json_integer((json_int_t)value));
	}
}

static void end(struct export *export)
{
	struct state *state = export->state;
	const json_t *report = export->report, *capture = json_object_get(report, "capture");
	const json_t *target = json_array_get(json_object_get(capture, "targets"), 0);
	char command[4096];

	if (!state)
		return;
	json_t *file = json_pack(
		"{s:i, s:s, s:s, s:b, s:b, s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:O, s:O}",
		"dhatFileVersion", 2, "mode", "heap", "verb", "Allocated", "bklt", 1, "bkacc", 0,
		"tu", "µs", "Mtu", "s", "tuth", SHORT_LIFE_US, "cmd",
		export_target_name(report, command, sizeof(command)), "pid",
		(json_int_t)export_number(target, "pid"), "tg",
		(json_int_t)(export_number(json_object_get(report, "totals"), "peak_time_ns") /
			     1000),
		"te", (json_int_t)(export_end_ns(report) / 1000), "pps", state->points, "ftbl",
		state->lines.lines);
	export->has_failed |= !file;
	if (file)
		json_dumpf(file, export->out, JSON_COMPACT | JSON_ENSURE_ASCII);
	putc('\n', export->out);
	json_decref(file);
	json_decref(state->points);
	json_decref(state->indexes);
	export_lines_end(&state->lines);
	free(state);
}

const struct export_format EXPORT_DHAT = { "dhat", "for dh_view.html of valgrind's DHAT",
					   begin,  write_row,
					   NULL,   end };
