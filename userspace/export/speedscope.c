// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * speedscope's own format: one sampled profile for each sum. Its importer is
 * src/import/speedscope.ts in https://github.com/jlfwong/speedscope; the schema's address is in the
 * file.
 */
#include "export/export.h"

#include <stdlib.h>
#include <string.h>

static const struct profile {
	const char *name, *field, *unit;
} PROFILES[] = {
	{ "live at the end", "live_bytes", "bytes" },
	{ "allocated in all", "allocated_bytes", "bytes" },
	{ "peak of each stack", "peak_bytes", "bytes" },
	{ "calls", "allocations", "none" },
	{ "temporary", "temporary", "none" },
};

#define PROFILE_COUNT (sizeof(PROFILES) / sizeof(PROFILES[0]))

struct state {
	json_t *frames;	 /* array of {"name", "file", "line"} */
	json_t *indexes; /* object: key of a frame -> its place in frames */
	json_t *samples[PROFILE_COUNT], *weights[PROFILE_COUNT];
	uint64_t sums[PROFILE_COUNT];
};

static void begin(struct export *export)
{
	struct state *state = calloc(1, sizeof(*state));

	export->state = state;
	export->has_failed = !state;
	if (!state)
		return;
	state->frames = json_array();
	state->indexes = json_object();
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		state->samples[i] = json_array();
		state->weights[i] = json_array();
	}
}

static json_t *frame_index(struct state *state, const json_t *frame)
{
	char name[1024], key[2048];
	const char *file = export_text(frame, "file");
	json_int_t line = (json_int_t)export_number(frame, "line");

	export_frame_name(frame, name, sizeof(name));
	snprintf(key, sizeof(key), "%s\n%s\n%lld", name,
		 *file ? file : export_text(frame, "module"), line);
	json_t *index = json_object_get(state->indexes, key);
	if (index)
		return json_incref(index);
	index = json_integer((json_int_t)json_array_size(state->frames));
	json_object_set(state->indexes, key, index);
	json_array_append_new(
		state->frames,
		line ? json_pack("{s:s, s:s, s:I}", "name", name, "file", file, "line", line)
		     : json_pack("{s:s, s:s}", "name", name, "file",
				 *file ? file : export_text(frame, "module")));
	return index;
}

static void write_row(struct export *export, const json_t *row)
{
	struct state *state = export->state;
	const json_t *frames = json_object_get(row, "frames");
	json_t *sample = json_array();

	if (!state)
		return;
	for (size_t i = json_array_size(frames); i-- > 0;)
		json_array_append_new(sample, frame_index(state, json_array_get(frames, i)));
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		uint64_t value = export_number(row, PROFILES[i].field);
		if (!value)
			continue;
		json_array_append(state->samples[i], sample);
		json_array_append_new(state->weights[i], json_integer((json_int_t)value));
		state->sums[i] = export_add(state->sums[i], value);
	}
	json_decref(sample);
}

static void end(struct export *export)
{
	struct state *state = export->state;
	json_t *profiles = json_array();

	if (!state)
		return;
	for (size_t i = 0; i < PROFILE_COUNT; i++)
		json_array_append_new(profiles,
				      json_pack("{s:s, s:s, s:s, s:i, s:I, s:o, s:o}", "type",
						"sampled", "name", PROFILES[i].name, "unit",
						PROFILES[i].unit, "startValue", 0, "endValue",
						(json_int_t)state->sums[i], "samples",
						state->samples[i], "weights", state->weights[i]));
	json_t *file = json_pack("{s:s, s:s, s:s, s:{s:o}, s:o, s:i}", "$schema",
				 "https://www.speedscope.app/file-format-schema.json", "exporter",
				 "heaptrail", "name", "heaptrail", "shared", "frames",
				 state->frames, "profiles", profiles, "activeProfileIndex", 0);
	export->has_failed |= !file;
	if (file)
		json_dumpf(file, export->out, JSON_COMPACT | JSON_ENSURE_ASCII);
	putc('\n', export->out);
	json_decref(file);
	json_decref(state->indexes);
	free(state);
}

const struct export_format EXPORT_SPEEDSCOPE = { "speedscope", "for https://www.speedscope.app",
						 begin,	       write_row,
						 NULL,	       end };
