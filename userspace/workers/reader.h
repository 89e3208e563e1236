/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the reader worker share. */
#ifndef HEAPTRAIL_WORKERS_READER_H
#define HEAPTRAIL_WORKERS_READER_H

#include "analysis/answer.h"
#include "workers/protocol.h"

/* What of a capture. What frames are called is at its end: where a filter needs it, that is read
 * before the events. */
enum reader_part {
	READ_ALL,
	READ_NAMES,
	READ_REST,
	READ_MARKS,
	READ_SUMMARY, /* all but what it sums up */
};

/* And how. */
enum reader_way {
	READ_BY_INDEX, /* what is not wanted is verified and no more, or, quickly, not even that */
	READ_THROUGH,  /* from front to back */
};

/* A chunk that was read ahead, and what is known of the capture then. */
struct ahead_chunk {
	enum chunk_type type;
	size_t size, event_count; /* events: of EVENTS chunks, which are decoded */
	uint64_t chunks, bytes;	  /* so far, those that were not wanted, too */
	struct capture_verdict verdict;
	bool is_last; /* it is none: the capture has ended, or cannot be read on */
	int error;    /* why */
};

struct reader_ahead {
	int socket; /* to the half that reads */
	struct ahead_slot *slots;
	unsigned next;
	struct ahead_chunk last;
};

struct reading {
	int capture, asker;
	uint8_t key[CAPTURE_KEY_BYTES]; /* until it is loaded */
	bool is_loaded;
	bool is_quick, is_replayed; /* what is read: as the first question wants it */
	bool counts_tags;	    /* so must it be that it is about them */
	struct filter filter;
	struct reader_ahead ahead;
	struct model model;
	struct survivors survivors; /* where the filter needs them */
	struct answer_context context;
	struct reader_done done;
	char error[256]; /* "" where the capture can be used */
	int exit_status; /* of who asked, then */

	/* reader_events.c */
	struct capture_reader *replayer; /* at its beginning until events are asked for */
	struct model replay;
	bool is_replaying;
	uint32_t tags_told; /* of its tags */
};

/* Are chunks of this type in that part, of a capture that is read through? */
bool reader_wants(enum chunk_type type, enum reader_part part);

/* Starts the half that reads ahead, before rights are given up. 0 or -errno. */
int reader_ahead_start(struct reading *reading);

/*
 * That part of the capture into the model. By the index, of events only those that the model's
 * filter needs: from the last checkpoint before them on. reading->ahead.last: how far it came. 0 or
 * -errno; -ECANCELED: the asker has hung up; -ENODATA: the other half has ended, or there is no
 * index.
 */
int reader_ahead_read(struct reading *reading, struct model *model, enum reader_part part,
		      enum reader_way way);

/* The other half ends, and with it its key. */
void reader_ahead_end(struct reading *reading);

/* While there is the key. 0 or -errno. */
int reader_events_begin(struct reading *reading);

/*
 * {"ask": "events"} → {"events": "…", "tags": […]}: the next ones, in the order of the file, as base64 of what
 * block_event_put() writes, and the names of tags that are new, by number from 0 on; "" after the last. They are read and applied once more, to a model of
 * its own with the same filter, so that the sums of all are those of the report; and page by page,
 * since all of them have no room in memory.
 */
bool reader_asks_events(const json_t *question);
json_t *reader_events(struct reading *reading);

#endif
