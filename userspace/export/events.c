// SPDX-License-Identifier: GPL-2.0-or-later
/* A JSON object for each event, in order: docs/report-json.md, "Events". */
#include "export/export.h"

static const char *const KINDS[] = {
	[BLOCK_ALLOCATED] = "alloc", [BLOCK_REALLOCATED] = "realloc", [BLOCK_FREED] = "free",
	[BLOCK_FAILED] = "failed",   [BLOCK_MISSED] = "missed",	      [BLOCK_ENDED] = "ended"
};

static void write_event(struct export *export, const struct block_event *event)
{
	bool is_known = event->kind < sizeof(KINDS) / sizeof(KINDS[0]) && KINDS[event->kind];
	FILE *out = export->out;

	/* by hand: there are millions, and no text of others is in them */
	fprintf(out, "{\"time_ns\":%" PRIu64 ",\"kind\":\"%s\",\"pid\":%u,\"tid\":%u",
		event->time_ns, is_known ? KINDS[event->kind] : "unknown", event->pid, event->tid);
	if (event->flags & BLOCK_EVENT_HAS_NEW)
		fprintf(out, ",\"address\":%" PRIu64 ",\"size\":%" PRIu64 ",\"stack\":%u",
			event->address, event->size, event->stack);
	else if (event->kind == BLOCK_FAILED)
		fprintf(out, ",\"size\":%" PRIu64 ",\"stack\":%u", event->size, event->stack);
	if (event->old_address)
		fprintf(out, ",\"old_address\":%" PRIu64, event->old_address);
	if (event->flags & BLOCK_EVENT_HAS_OLD)
		fprintf(out, ",\"old_size\":%" PRIu64 ",\"old_stack\":%u", event->old_size,
			event->old_stack);
	if (event->flags & BLOCK_EVENT_TEMPORARY)
		fputs(",\"temporary\":true", out);
	fputs("}\n", out);
}

const struct export_format EXPORT_EVENTS = { .name = "events",
					     .summary = "a JSON object for each event, in order",
					     .event = write_event };
