// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/report_events.h"

#include "base/map.h"
#include "base/units.h"
#include "commands/columns.h"
#include "commands/command.h"
#include "commands/events.h"
#include "commands/report_stacks.h"
#include "commands/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t kept_count(const struct report_events *events)
{
	return events->limit && events->count > events->limit ? events->limit
							      : (size_t)events->count;
}

/* The i-th of those that are kept. */
static const struct block_event *kept(const struct report_events *events, size_t i)
{
	size_t first = kept_count(events) < events->count ? events->count % events->limit : 0;

	return &events->items[events->limit ? (first + i) % events->limit : i];
}

static void keep(void *context, const struct block_event *event)
{
	struct report_events *events = context;
	size_t place = events->limit ? events->count % events->limit : events->count;

	if (place >= events->capacity && !events->has_failed) {
		size_t capacity = events->capacity ? 2 * events->capacity : 64;
		struct block_event *grown = realloc(events->items, capacity * sizeof(*grown));
		events->has_failed = !grown;
		if (grown) {
			events->items = grown;
			events->capacity = capacity;
		}
	}
	if (events->has_failed)
		return;
	events->items[place] = *event;
	events->count++;
}

static const char *key_of(uint32_t stack, char text[static 16])
{
	snprintf(text, 16, "%" PRIu32, stack);
	return text;
}

/* Which stacks are shown: their frames are not there yet. */
static void note_stack(struct report_events *events, uint32_t stack)
{
	char key[16];

	events->has_failed |= json_object_set_new(events->stacks, key_of(stack, key),
						  json_null()) != 0;
}

static void keep_frames(void *context, const json_t *row)
{
	struct report_events *events = context;
	char key[16];

	key_of((uint32_t)json_integer_value(json_object_get(row, "id")), key);
	if (json_object_get(events->stacks, key))
		events->has_failed |= json_object_set(events->stacks, key,
						      json_object_get(row, "frames")) != 0;
}

int report_events_read(struct report_events *events, struct opened_capture *capture)
{
	json_t *report = NULL;

	events->stacks = json_object();
	int status = events_each(capture, keep, events);
	for (size_t i = 0; !status && i < kept_count(events); i++) {
		const struct block_event *event = kept(events, i);
		if (event->flags & BLOCK_EVENT_HAS_NEW || event->kind == BLOCK_FAILED)
			note_stack(events, event->stack);
		if (event->flags & BLOCK_EVENT_HAS_OLD)
			note_stack(events, event->old_stack);
	}
	if (!status)
		status = rows_each(capture, keep_frames, events, &report);
	json_decref(report);
	return status		    ? status
	       : events->has_failed ? command_fail(EXIT_FAILED, "out of memory")
				    : EXIT_DONE;
}

struct printing {
	const struct report_events *events;
	struct columns columns;
	struct map begun; /* key_of_block() -> place among the kept ones of what began it, + 1 */
};

static uint64_t key_of_block(uint32_t pid, uint64_t address)
{
	uint64_t key = hash_u64(address ^ (uint64_t)pid << 48);

	return key ? key : 1;
}

/* What began the block that this event ends; NULL: it is not among those shown. */
static const struct block_event *beginning_of(const struct printing *printing,
					      const struct block_event *event)
{
	const uint64_t *place = map_get(&printing->begun,
					key_of_block(event->pid, event->old_address));
	const struct block_event *found = place ? kept(printing->events, *place) : NULL;

	return found && found->pid == event->pid && found->address == event->old_address ? found
											 : NULL;
}

static void print_text(const struct printing *printing, const char *text)
{
	columns_print_text(&printing->columns, text, strlen(text), 0);
}

static void print_stack(const struct printing *printing, uint32_t stack)
{
	char key[16];

	report_frames(&printing->columns,
		      json_object_get(printing->events->stacks, key_of(stack, key)));
}

/* Of the block that the event ends, and of which another one is told below it. */
static void print_old(const struct printing *printing, const struct block_event *event,
		      const char *then)
{
	const struct block_event *begun = beginning_of(printing, event);
	char size[UNITS_TEXT_MAX], age[UNITS_TEXT_MAX], text[160];

	if (!(event->flags & BLOCK_EVENT_HAS_OLD))
		snprintf(text, sizeof(text), "%sof a block that is not known%s",
			 event->kind == BLOCK_REALLOCATED ? "in place " : "", then);
	else if (event->kind == BLOCK_REALLOCATED)
		snprintf(text, sizeof(text), "in place of %s at 0x%" PRIx64 "%s%s%s",
			 units_format_size(event->old_size, size), event->old_address,
			 begun ? ", after " : "",
			 begun ? units_format_duration(event->time_ns - begun->time_ns, age) : "",
			 then);
	else
		snprintf(text, sizeof(text), "%s%s%s", begun ? "after " : "allocated before",
			 begun ? units_format_duration(event->time_ns - begun->time_ns, age) : "",
			 then);
	print_text(printing, text);
}

static void print_event(struct printing *printing, const struct block_event *event)
{
	static const char *const KINDS[] = { "?",      "alloc",	 "realloc", "free",
					     "failed", "missed", "ended",   "carried" };
	bool has_new = event->flags & BLOCK_EVENT_HAS_NEW;
	bool ends = event->old_address && event->kind != BLOCK_FAILED;
	bool is_known_end = !ends || !(event->flags & BLOCK_EVENT_HAS_OLD) ||
			    beginning_of(printing, event);
	uint64_t address = has_new ? event->address : event->old_address;
	struct cells cells;
	char text[UNITS_TEXT_MAX];

	snprintf(cells.text[0], COLUMNS_CELL_MAX, "%.6f s", (double)event->time_ns / 1e9);
	snprintf(cells.text[1], COLUMNS_CELL_MAX, "%s",
		 KINDS[event->kind < sizeof(KINDS) / sizeof(KINDS[0]) ? event->kind : 0]);
	snprintf(cells.text[2], COLUMNS_CELL_MAX, "%s",
		 has_new || event->kind == BLOCK_FAILED ? units_format_size(event->size, text)
		 : event->flags & BLOCK_EVENT_HAS_OLD	? units_format_size(event->old_size, text)
							: "-");
	snprintf(cells.text[3], COLUMNS_CELL_MAX, "0x%" PRIx64, address);
	snprintf(cells.text[4], COLUMNS_CELL_MAX, "%" PRIu32, event->tid);
	columns_print_cells(&printing->columns, &cells);
	bool has_stack = has_new || event->kind == BLOCK_FAILED;
	if (ends) {
		print_old(printing, event, has_stack ? ", by" : is_known_end ? "" : ", by");
		if (has_stack || !is_known_end)
			printf("%*s", printing->columns.indent, "");
	}
	if (has_stack)
		print_stack(printing, event->stack);
	else if (!is_known_end)
		print_stack(printing, event->old_stack);
	else if (!ends)
		print_text(printing, "");
}

void report_events_print(const struct report_events *events, int width)
{
	struct printing printing = {
		.events = events,
		.columns = { .headings = { "TIME", "EVENT", "SIZE", "ADDRESS", "THREAD" },
			     .widths = { 14, 8, 10, 16, 8 },
			     .count = 5,
			     .kept = 1 },
	};
	size_t count = kept_count(events);

	columns_fit(&printing.columns, width);
	if (events->count > count)
		printf("%" PRIu64 " earlier ones are not shown: see --limit\n",
		       events->count - count);
	columns_print_heading(&printing.columns, "STACK");
	for (size_t i = 0; i < count; i++) {
		const struct block_event *event = kept(events, i);
		print_event(&printing, event);
		/* where there is no memory for it, ages are not told */
		if (event->flags & BLOCK_EVENT_HAS_NEW)
			(void)map_put(&printing.begun, key_of_block(event->pid, event->address), i);
	}
	map_free(&printing.begun);
}

void report_events_free(struct report_events *events)
{
	free(events->items);
	json_decref(events->stacks);
}
