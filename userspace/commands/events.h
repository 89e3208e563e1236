/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All events of a capture, page by page, in the order of the file. */
#ifndef HEAPTRAIL_COMMANDS_EVENTS_H
#define HEAPTRAIL_COMMANDS_EVENTS_H

#include "base/block_event.h"
#include "commands/open.h"

typedef void event_fn(void *context, const struct block_event *event);

/* Once for each opening. Prints what is wrong; an exit status. */
int events_each(struct opened_capture *capture, event_fn *fn, void *context);

#endif
