/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the reader worker share. */
#ifndef HEAPTRAIL_WORKERS_READER_H
#define HEAPTRAIL_WORKERS_READER_H

#include "analysis/answer.h"
#include "workers/protocol.h"

/* What frames are called is at the end of a capture: where a filter needs it, that is read before
 * the events. */
enum reader_part {
	READ_ALL,
	READ_NAMES,
	READ_REST
};

struct reading {
	int capture;
	uint8_t key[CAPTURE_KEY_BYTES]; /* until it is loaded */
	bool is_loaded;
	struct filter filter;
	struct capture_reader *reader;
	struct model model;
	struct survivors survivors; /* where the filter needs them */
	struct answer_context context;
	struct reader_done done;
	char error[256]; /* "" where the capture can be used */

	/* reader_events.c */
	struct capture_reader *replayer; /* at its beginning until events are asked for */
	struct model replay;
	bool is_replaying;
};

/* Are chunks of this type in that part? */
bool reader_wants(enum chunk_type type, enum reader_part part);

/* While there is the key. 0 or -errno. */
int reader_events_begin(struct reading *reading);

/*
 * {"ask": "events"} → {"events": "…"}: the next ones, in the order of the file, as base64 of what
 * block_event_put() writes; "" after the last. They are read and applied once more, to a model of
 * its own with the same filter, so that the sums of all are those of the report; and page by page,
 * since all of them have no room in memory.
 */
bool reader_asks_events(const json_t *question);
json_t *reader_events(struct reading *reading);

#endif
