// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pprof's profile, as Go's own heap profiles are: four values for each stack. Format:
 * https://github.com/google/pprof/blob/main/proto/profile.proto, not compressed, which pprof reads
 * as well.
 */
#include "base/bytes.h"
#include "export/export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of the messages. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME = 9,
	PROFILE_DURATION = 10,
	PROFILE_DEFAULT_TYPE = 14,
	TYPE_TYPE = 1,
	TYPE_UNIT = 2,
	SAMPLE_LOCATIONS = 1,
	SAMPLE_VALUES = 2,
	MAPPING_ID = 1,
	MAPPING_FILE = 5,
	MAPPING_BUILD_ID = 6,
	MAPPING_HAS_FUNCTIONS = 7,
	LOCATION_ID = 1,
	LOCATION_MAPPING = 2,
	LOCATION_ADDRESS = 3,
	LOCATION_LINE = 4,
	LINE_FUNCTION = 1,
	LINE_LINE = 2,
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILE = 4,
};

/* What each value of a sample is, and the sums that it is made of. */
static const struct {
	const char *type, *unit, *fields[2];
} VALUES[] = {
	{ "alloc_objects", "count", { "allocations", "reallocations" } },
	{ "alloc_space", "bytes", { "allocated_bytes" } },
	{ "inuse_objects", "count", { "live_blocks" } },
	{ "inuse_space", "bytes", { "live_bytes" } },
};

#define VALUE_COUNT (sizeof(VALUES) / sizeof(VALUES[0]))

struct state {
	struct bytes_buffer profile;
	json_t *strings, *mappings, *locations, *functions; /* objects: key -> id */
};

static void put_varint(struct bytes_buffer *out, uint32_t field, uint64_t value)
{
	bytes_put_varint(out, field << 3);
	bytes_put_varint(out, value);
}

static void put_bytes(struct bytes_buffer *out, uint32_t field, const void *data, size_t size)
{
	bytes_put_varint(out, field << 3 | 2);
	bytes_put_varint(out, size);
	bytes_put(out, data, size);
}

static void put_message(struct bytes_buffer *out, uint32_t field, struct bytes_buffer *message)
{
	out->failed |= message->failed;
	put_bytes(out, field, message->data, message->size);
	bytes_free(message);
}

/* The number that stands for the key, from `first` on. *is_new: it was not there. */
static uint64_t number_of(json_t *numbers, const char *key, uint64_t first, bool *is_new)
{
	json_t *known = json_object_get(numbers, key);

	*is_new = !known;
	if (known)
		return (uint64_t)json_integer_value(known);
	uint64_t number = json_object_size(numbers) + first;
	json_object_set_new(numbers, key, json_integer((json_int_t)number));
	return number;
}

static uint64_t string(struct state *state, const char *text)
{
	bool is_new;
	uint64_t index = number_of(state->strings, text, 0, &is_new);

	if (is_new)
		put_bytes(&state->profile, PROFILE_STRING, text, strlen(text));
	return index;
}

static uint64_t mapping(struct state *state, const json_t *frame)
{
	const char *module = export_text(frame, "module"),
		   *build_id = export_text(frame, "build_id");
	struct bytes_buffer message = { 0 };
	bool is_new;

	if (!*module)
		return 0;
	uint64_t id = number_of(state->mappings, module, 1, &is_new);
	if (!is_new)
		return id;
	put_varint(&message, MAPPING_ID, id);
	put_varint(&message, MAPPING_FILE, string(state, module));
	put_varint(&message, MAPPING_BUILD_ID, string(state, build_id));
	put_varint(&message, MAPPING_HAS_FUNCTIONS, 1);
	put_message(&state->profile, PROFILE_MAPPING, &message);
	return id;
}

static uint64_t function(struct state *state, const json_t *frame)
{
	char name[1024], key[2048];
	const char *file = export_text(frame, "file");
	struct bytes_buffer message = { 0 };
	bool is_new;

	export_frame_name(frame, name, sizeof(name));
	snprintf(key, sizeof(key), "%s\n%s\n%s", name, file, export_text(frame, "module"));
	uint64_t id = number_of(state->functions, key, 1, &is_new);
	if (!is_new)
		return id;
	put_varint(&message, FUNCTION_ID, id);
	put_varint(&message, FUNCTION_NAME, string(state, name));
	put_varint(&message, FUNCTION_SYSTEM_NAME, string(state, name));
	put_varint(&message, FUNCTION_FILE, string(state, file));
	put_message(&state->profile, PROFILE_FUNCTION, &message);
	return id;
}

static void put_line(struct state *state, struct bytes_buffer *location, const json_t *frame)
{
	struct bytes_buffer line = { 0 };

	put_varint(&line, LINE_FUNCTION, function(state, frame));
	put_varint(&line, LINE_LINE, export_number(frame, "line"));
	put_message(location, LOCATION_LINE, &line);
}

/*
 * One address with the functions inlined there: frames [first, last], of which the last is the
 * function that is really there.
 */
static uint64_t location(struct state *state, const json_t *frames, size_t first, size_t last)
{
	const json_t *frame = json_array_get(frames, last);
	struct bytes_buffer message = { 0 };
	char key[1200];
	bool is_new;

	snprintf(key, sizeof(key), "%.1024s %" PRIx64, export_text(frame, "module"),
		 export_number(frame, "module_offset"));
	uint64_t id = number_of(state->locations, key, 1, &is_new);
	if (!is_new)
		return id;
	put_varint(&message, LOCATION_ID, id);
	put_varint(&message, LOCATION_MAPPING, mapping(state, frame));
	put_varint(&message, LOCATION_ADDRESS, export_number(frame, "module_offset"));
	for (size_t i = first; i <= last; i++)
		put_line(state, &message, json_array_get(frames, i));
	put_message(&state->profile, PROFILE_LOCATION, &message);
	return id;
}

static void begin(struct export *export)
{
	struct state *state = calloc(1, sizeof(*state));

	export->state = state;
	export->has_failed = !state;
	if (!state)
		return;
	state->strings = json_object();
	state->mappings = json_object();
	state->locations = json_object();
	state->functions = json_object();
	string(state, ""); /* has to be the first */
	for (size_t i = 0; i < VALUE_COUNT; i++) {
		struct bytes_buffer type = { 0 };
		put_varint(&type, TYPE_TYPE, string(state, VALUES[i].type));
		put_varint(&type, TYPE_UNIT, string(state, VALUES[i].unit));
		put_message(&state->profile, PROFILE_SAMPLE_TYPE, &type);
	}
}

static void write_row(struct export *export, const json_t *row)
{
	struct state *state = export->state;
	const json_t *frames = json_object_get(row, "frames");
	struct bytes_buffer sample = { 0 }, ids = { 0 }, values = { 0 };

	if (!state)
		return;
	for (size_t i = 0, first = 0; i < json_array_size(frames); i++) {
		if (json_is_true(json_object_get(json_array_get(frames, i), "inlined")))
			continue;
		bytes_put_varint(&ids, location(state, frames, first, i));
		first = i + 1;
	}
	for (size_t i = 0; i < VALUE_COUNT; i++) {
		uint64_t value = export_number(row, VALUES[i].fields[0]);
		if (VALUES[i].fields[1])
			value = export_add(value, export_number(row, VALUES[i].fields[1]));
		bytes_put_varint(&values, value);
	}
	put_message(&sample, SAMPLE_LOCATIONS, &ids);
	put_message(&sample, SAMPLE_VALUES, &values);
	put_message(&state->profile, PROFILE_SAMPLE, &sample);
	/* samples are many, and nothing refers to them */
	export->has_failed |= state->profile.failed;
	fwrite(state->profile.data, 1, state->profile.size, export->out);
	state->profile.size = 0;
}

static void end(struct export *export)
{
	struct state *state = export->state;
	const json_t *capture = json_object_get(export->report, "capture");

	if (!state)
		return;
	put_varint(&state->profile, PROFILE_TIME, export_number(capture, "started_ns"));
	put_varint(&state->profile, PROFILE_DURATION, export_number(capture, "duration_ns"));
	put_varint(&state->profile, PROFILE_DEFAULT_TYPE, string(state, "inuse_space"));
	export->has_failed |= state->profile.failed;
	fwrite(state->profile.data, 1, state->profile.size, export->out);
	bytes_free(&state->profile);
	json_decref(state->strings);
	json_decref(state->mappings);
	json_decref(state->locations);
	json_decref(state->functions);
	free(state);
}

const struct export_format EXPORT_PPROF = {
	"pprof", "for `go tool pprof', with the values of a heap profile", begin, write_row, NULL,
	end
};
