// SPDX-License-Identifier: GPL-2.0-or-later
/* A JSON object for each event, in order: docs/report-json.md, "Events". */
#include "export/export.h"

#include <stdlib.h>

static const char *const KINDS[] = {
	[BLOCK_ALLOCATED] = "alloc", [BLOCK_REALLOCATED] = "realloc", [BLOCK_FREED] = "free",
	[BLOCK_FAILED] = "failed",   [BLOCK_MISSED] = "missed",	      [BLOCK_ENDED] = "ended",
	[BLOCK_CARRIED] = "carried"
};

#define FUNCTIONS_MAX 256

/* Names of the allocator's functions by id, as JSON; NULL: not known. */
struct state {
	char *functions[FUNCTIONS_MAX];
};

static struct state *functions_of(struct export *export)
{
	const json_t *functions = json_object_get(json_object_get(export->report, "capture"),
						  "functions");
	const json_t *function;
	struct state *state = calloc(1, sizeof(*state));
	size_t i;

	export->has_failed |= !state;
	json_array_foreach(functions, i, function)
	{
		uint64_t id = export_number(function, "number");
		if (state && id < FUNCTIONS_MAX && !state->functions[id])
			state->functions[id] = json_dumps(json_object_get(function, "function"),
							  JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	}
	return state;
}

static void write_tag(FILE *out, const char *name)
{
	json_t *text = json_string(name);

	fputs(",\"tag\":", out);
	(void)json_dumpf(text, out, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
	json_decref(text);
}

static void write_event(struct export *export, const struct block_event *event)
{
	bool is_known = event->kind < sizeof(KINDS) / sizeof(KINDS[0]) && KINDS[event->kind];
	FILE *out = export->out;

	if (!export->state)
		export->state = functions_of(export);
	const struct state *state = export->state;
	/* by hand: there are millions */
	fprintf(out, "{\"time_ns\":%" PRIu64 ",\"kind\":\"%s\",\"pid\":%u,\"tid\":%u",
		event->time_ns, is_known ? KINDS[event->kind] : "unknown", event->pid, event->tid);
	if (state && state->functions[event->function] && event->kind != BLOCK_MISSED &&
	    event->kind != BLOCK_ENDED)
		fprintf(out, ",\"function\":%s", state->functions[event->function]);
	if (event->flags & BLOCK_EVENT_HAS_NEW)
		fprintf(out, ",\"address\":%" PRIu64 ",\"size\":%" PRIu64 ",\"stack\":%u",
			event->address, event->size, event->stack);
	else if (event->kind == BLOCK_FAILED)
		fprintf(out, ",\"size\":%" PRIu64 ",\"stack\":%u", event->size, event->stack);
	if (event->flags & BLOCK_EVENT_HAS_NEW && event->tag_name && *event->tag_name)
		write_tag(out, event->tag_name);
	if (event->old_address)
		fprintf(out, ",\"old_address\":%" PRIu64, event->old_address);
	if (event->flags & BLOCK_EVENT_HAS_OLD)
		fprintf(out, ",\"old_size\":%" PRIu64 ",\"old_stack\":%u", event->old_size,
			event->old_stack);
	if (event->flags & BLOCK_EVENT_TEMPORARY)
		fputs(",\"temporary\":true", out);
	if (event->flags & BLOCK_EVENT_LATE)
		fputs(",\"late\":true", out);
	fputs("}\n", out);
}

static void end(struct export *export)
{
	struct state *state = export->state;

	for (size_t i = 0; state && i < FUNCTIONS_MAX; i++)
		free(state->functions[i]);
	free(state);
}

const struct export_format EXPORT_EVENTS = { .name = "events",
					     .summary = "a JSON object for each event, in order",
					     .event = write_event,
					     .end = end };
