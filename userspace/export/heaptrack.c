// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * heaptrack's file, version 1, for heaptrack_gui and heaptrack_print. A line is a letter and
 * numbers in hexadecimal: `s' is a text, `i' an address with the functions there, `t' an address
 * below another `t', its caller, `a' a size and the `t' that asked for it, `+' and `-' a block of
 * such an `a' that begins or ends, `c' the time in ms. What is counted from 1 has 0 for none; `a'
 * begins at 0. Format: src/interpret and src/analyze in https://invent.kde.org/sdk/heaptrack.
 */
#include "base/map.h"
#include "base/text.h"
#include "export/export.h"

#include <stdlib.h>
#include <string.h>

#define VERSION	     0x10400 /* of the heaptrack that writes as this does */
#define FILE_VERSION 1

/* A size and a trace are one key of a map where both fit. */
#define TRACE_BITS 26
#define SIZE_BITS  37

struct state {
	json_t *strings, *addresses; /* objects: text -> number */
	struct map traces;	     /* caller and address -> number */
	struct map of_stack;	     /* stack -> its trace */
	struct map kinds;	     /* size and trace -> number */
	uint64_t kind_count;
	uint64_t last; /* what a block began with just now; 0: one ended since */
	uint64_t time_ms;
};

static uint64_t string(struct export *export, const char *text)
{
	struct state *state = export->state;
	char safe[4096];

	if (!*text)
		return 0;
	text_safe(safe, sizeof(safe), text, strlen(text));
	json_t *known = json_object_get(state->strings, safe);
	if (known)
		return (uint64_t)json_integer_value(known);
	uint64_t number = json_object_size(state->strings) + 1;
	json_object_set_new(state->strings, safe, json_integer((json_int_t)number));
	fprintf(export->out, "s %s\n", safe);
	return number;
}

/* The number of what the map has, or the next one. *is_new: it was not there. */
static uint64_t number_of(struct export *export, struct map *numbers, uint64_t key, bool *is_new)
{
	const uint64_t *known = map_get(numbers, key);

	*is_new = !known;
	if (known)
		return *known;
	uint64_t number = numbers->count + 1;
	export->has_failed |= map_put(numbers, key, number) != 0;
	return number;
}

/* One address, with the functions inlined there: frames [first, last]. */
static uint64_t address(struct export *export, const json_t *frames, size_t first, size_t last)
{
	struct state *state = export->state;
	const json_t *frame = json_array_get(frames, last);
	const char *module = export_text(frame, "module");
	uint64_t offset = export_number(frame, "module_offset");
	char key[4200];

	snprintf(key, sizeof(key), "%.4096s %s %" PRIx64, module, export_text(frame, "build_id"),
		 offset);
	json_t *known = json_object_get(state->addresses, key);
	if (known)
		return (uint64_t)json_integer_value(known);
	uint64_t number = json_object_size(state->addresses) + 1,
		 in_module = string(export, module);
	json_object_set_new(state->addresses, key, json_integer((json_int_t)number));
	/* texts come before the line that they are in */
	for (size_t i = first; i <= last; i++) {
		string(export, export_text(json_array_get(frames, i), "function"));
		string(export, export_text(json_array_get(frames, i), "file"));
	}
	fprintf(export->out, "i %" PRIx64 " %" PRIx64, offset, in_module);
	for (size_t i = first; i <= last; i++) {
		frame = json_array_get(frames, i);
		if (*export_text(frame, "function"))
			fprintf(export->out, " %" PRIx64 " %" PRIx64 " %" PRIx64,
				string(export, export_text(frame, "function")),
				string(export, export_text(frame, "file")),
				export_number(frame, "line"));
	}
	putc('\n', export->out);
	return number;
}

static uint64_t trace(struct export *export, uint64_t at, uint64_t caller)
{
	struct state *state = export->state;
	bool is_new;
	uint64_t number = number_of(export, &state->traces, caller << 32 | at, &is_new);

	if (is_new)
		fprintf(export->out, "t %" PRIx64 " %" PRIx64 "\n", at, caller);
	return number;
}

/* The stack's trace: from the outermost frame to the leaf. */
static void write_row(struct export *export, const json_t *row)
{
	struct state *state = export->state;
	const json_t *frames = json_object_get(row, "frames");
	uint64_t number = 0;

	if (!state)
		return;
	for (size_t last = json_array_size(frames); last-- > 0;) {
		size_t first = last;
		while (first > 0 &&
		       json_is_true(json_object_get(json_array_get(frames, first - 1), "inlined")))
			first--;
		number = trace(export, address(export, frames, first, last), number);
		last = first;
	}
	export->has_failed |= map_put(&state->of_stack, export_number(row, "id") + 1, number) != 0;
}

/* The number of an `a' for such blocks. */
static uint64_t kind_of(struct export *export, uint64_t size, uint32_t stack)
{
	struct state *state = export->state;
	const uint64_t *found = map_get(&state->of_stack, (uint64_t)stack + 1);
	uint64_t of_trace = found ? *found : 0;
	bool fits = size < 1ull << SIZE_BITS && of_trace < 1ull << TRACE_BITS;
	uint64_t key = (size << TRACE_BITS | of_trace) + 1;
	const uint64_t *known = fits ? map_get(&state->kinds, key) : NULL;

	if (known)
		return *known;
	uint64_t number = state->kind_count++;
	export->has_failed |= fits && map_put(&state->kinds, key, number) != 0;
	fprintf(export->out, "a %" PRIx64 " %" PRIx64 "\n", size, of_trace);
	return number;
}

/*
 * The kind 0 is a block of no size, of which only the end is ever told: heaptrack takes 0 for
 * "none", so that no other may have it. Its trace says what its only number, temporary ones, is.
 */
static void begin(struct export *export)
{
	struct state *state = calloc(1, sizeof(*state));

	export->state = state;
	export->has_failed = !state;
	if (!state)
		return;
	state->strings = json_object();
	state->addresses = json_object();
	fprintf(export->out, "v %x %x\n", VERSION, FILE_VERSION);
	json_t *frames = json_pack("[{s:s}]", "function", "(other calls came between)");
	uint64_t number = trace(export, address(export, frames, 0, 0), 0);
	json_decref(frames);
	fprintf(export->out, "a 0 %" PRIx64 "\n", number);
	state->kind_count = 1;
}

/*
 * heaptrack calls temporary what ends directly after one of the same size and trace began, be it
 * another block, and calls of all threads are one sequence to it. Where that is not so of this
 * block, the end of one of kind 0 comes before, which makes it not temporary; or behind, where it
 * is counted as temporary itself.
 */
static void write_end(struct export *export, const struct block_event *event)
{
	struct state *state = export->state;
	uint64_t kind = kind_of(export, event->old_size, event->old_stack);
	bool is_temporary = event->flags & BLOCK_EVENT_TEMPORARY, seems = kind == state->last;

	if (seems && !is_temporary)
		fputs("- 0\n", export->out);
	fprintf(export->out, "- %" PRIx64 "\n", kind);
	if (is_temporary && !seems)
		fputs("- 0\n", export->out);
	state->last = 0;
}

static void write_time(struct export *export, uint64_t time_ms)
{
	struct state *state = export->state;

	/* times may fall back a little */
	if (time_ms > state->time_ms)
		fprintf(export->out, "c %" PRIx64 "\n", state->time_ms = time_ms);
}

static void write_event(struct export *export, const struct block_event *event)
{
	struct state *state = export->state;

	if (!state)
		return;
	write_time(export, event->time_ns / 1000000);
	if (event->flags & BLOCK_EVENT_HAS_OLD)
		write_end(export, event);
	if (event->flags & BLOCK_EVENT_HAS_NEW) {
		state->last = kind_of(export, event->size, event->stack);
		fprintf(export->out, "+ %" PRIx64 "\n", state->last);
	}
}

static void end(struct export *export)
{
	struct state *state = export->state;
	char command[4096];

	if (!state)
		return;
	write_time(export, export_end_ns(export->report) / 1000000);
	fprintf(export->out, "X %s\n",
		export_target_name(export->report, command, sizeof(command)));
	json_decref(state->strings);
	json_decref(state->addresses);
	map_free(&state->traces);
	map_free(&state->of_stack);
	map_free(&state->kinds);
	free(state);
}

const struct export_format EXPORT_HEAPTRACK = {
	"heaptrack", "for heaptrack_gui and heaptrack_print", begin, write_row, write_event, end
};
