/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened to blocks, call by call, with the stacks. */
#ifndef HEAPTRAIL_COMMANDS_REPORT_EVENTS_H
#define HEAPTRAIL_COMMANDS_REPORT_EVENTS_H

#include "base/block_event.h"
#include "commands/open.h"

#include <jansson.h>
#include <stdbool.h>

/* The last events that pass the capture's filter, and the frames of their stacks. */
struct report_events {
	struct block_event *items; /* a ring; the oldest is at count % limit once it is full */
	size_t limit;		   /* of them; 0: all */
	size_t capacity;
	uint64_t count; /* all that pass, those that are not kept, too */
	json_t *stacks; /* object: id -> frames */
	bool has_failed;
};

/* Prints what is wrong; an exit status. */
int report_events_read(struct report_events *events, struct opened_capture *capture);

void report_events_print(const struct report_events *events, int width);

void report_events_free(struct report_events *events);

#endif
