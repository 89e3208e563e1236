// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The reader: a child of the vault with one capture's key and no right at all. It verifies,
 * decrypts and analyses that capture, and answers questions about it until the asker hangs up.
 */
#include "base/frame.h"
#include "base/message.h"
#include "base/text.h"
#include "workers/reader.h"
#include "workers/worker.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool reader_wants(enum chunk_type type, enum reader_part part)
{
	bool is_name = type == CHUNK_STACKS || type == CHUNK_MODULES || type == CHUNK_NAMES;

	/* they are for who begins there, or is content with that */
	if (type == CHUNK_CHECKPOINT || type == CHUNK_SUMMARY)
		return false;
	if (part == READ_MARKS)
		return type == CHUNK_MARKS || type == CHUNK_THREADS;
	return part == READ_ALL || is_name == (part == READ_NAMES);
}

/* What earlier passes have found out for the next one. */
struct moment {
	uint64_t end_ns, to_event, to_ns;  /* 0: not known */
	const struct survivors *survivors; /* NULL: not known */
};

static int pass_by(struct reading *reading, const struct filter *filter,
		   const struct moment *moment, enum reader_way way)
{
	struct model *model = &reading->model;
	bool has_names = filter_needs_names(filter);
	int err = model_open(model, filter);

	model->end_ns = moment->end_ns;
	model->to_event = moment->to_event;
	model->survivors = moment->survivors;
	model->to_ns = moment->to_ns;
	model->is_resumed = way == READ_BY_INDEX;
	if (!err && reading->counts_tags)
		err = model_count_tags(model);
	if (!err && has_names)
		err = reader_ahead_read(reading, model, READ_NAMES, way);
	if (!err)
		err = reader_ahead_read(reading, model, has_names ? READ_REST : READ_ALL, way);
	return err;
}

/* All that the filter needs of the capture into the model. What is wrong with an index, reading
 * through tells. */
static int pass(struct reading *reading, const struct filter *filter, const struct moment *moment)
{
	int err = -ENODATA;

	if (!reading->is_replayed) {
		err = pass_by(reading, filter, moment, READ_BY_INDEX);
		if (!err || err == -ECANCELED)
			return err;
		model_close(&reading->model);
		reading->is_replayed = true;
	}
	return pass_by(reading, filter, moment, READ_THROUGH);
}

/* Of the whole capture, unless its summary cannot be used, for whatever reason: then all of it is
 * read, and says what is wrong. */
static int read_summary(struct reading *reading)
{
	int err = model_open_summary(&reading->model);

	if (!err)
		err = reader_ahead_read(reading, &reading->model, READ_SUMMARY, READ_BY_INDEX);
	if (err && err != -ECANCELED)
		model_close(&reading->model);
	/* that there is none is no trouble; whatever else is, reading through tells */
	reading->is_replayed = err && err != -ENODATA;
	return err;
}

/* When did it end? A summary knows; what it sums up is verified with the pass that follows. */
static int find_end(struct reading *reading)
{
	static const struct filter EVERYTHING = FILTER_NONE;
	const struct moment moment = { 0 };
	bool is_quick = reading->is_quick;
	int err = -ENODATA;

	if (!reading->is_replayed) {
		reading->is_quick = true;
		err = read_summary(reading);
		reading->is_quick = is_quick;
	}
	return err && err != -ECANCELED ? pass(reading, &EVERYTHING, &moment) : err;
}

/* What programs told, into a model that looks for the filter's moments. On an error it is closed.
 */
static int read_marks(struct reading *reading, const struct filter *filter, enum reader_way way)
{
	int err = model_open(&reading->model, filter);

	if (!err)
		err = reader_ahead_read(reading, &reading->model, READ_MARKS, way);
	if (err)
		model_close(&reading->model);
	return err;
}

/* The moments that the filter names become times. 0, -errno; -ENOENT: there is no such moment. */
static int find_moments(struct reading *reading, struct filter *filter)
{
	struct model *model = &reading->model;
	int err = reading->is_replayed ? -ENODATA : read_marks(reading, filter, READ_BY_INDEX);

	if (err && err != -ECANCELED)
		err = read_marks(reading, filter, READ_THROUGH);
	if (err)
		return err;
	if ((filter->from_mark[0] && model->from_mark_ns == UINT64_MAX) ||
	    (filter->to_mark[0] && model->to_mark_ns == UINT64_MAX))
		err = -ENOENT;
	if (filter->from_mark[0])
		filter->from_ns = model->from_mark_ns;
	if (filter->to_mark[0])
		filter->to_ns = model->to_mark_ns;
	model_close(model);
	return err;
}

/* As many passes as the filter needs: one finds when the recording ended, one when most was live,
 * one what was live then. */
static int read_capture(struct reading *reading, const struct filter *filter)
{
	struct moment moment = { 0 };
	int err = 0;

	if (!filter->is_set && !reading->is_replayed && !reading->counts_tags) {
		err = read_summary(reading);
		if (!err || err == -ECANCELED)
			return err;
		err = 0;
	}
	if (filter_needs_end(filter)) {
		err = find_end(reading);
		moment.end_ns = model_end_ns(&reading->model);
		if (!err)
			model_close(&reading->model);
	}
	if (!err && filter->at_peak) {
		err = pass(reading, filter, &moment);
		moment.to_event = reading->model.peak_event;
		moment.to_ns = model_totals(&reading->model)->peak_time_ns;
		if (!err)
			model_close(&reading->model);
	}
	if (!err && filter->is_live) {
		err = pass(reading, filter, &moment);
		if (!err)
			err = survivors_find(reading->model.live, &reading->survivors);
		moment.survivors = &reading->survivors;
		if (!err)
			model_close(&reading->model);
	}
	return err ? err : pass(reading, filter, &moment);
}

static void load(struct reading *reading, const struct filter *asked)
{
	struct filter filter = *asked;
	int err = filter_needs_marks(&filter) ? find_moments(reading, &filter) : 0;
	bool has_moments = err != -ENOENT;

	if (!err)
		err = read_capture(reading, &filter);

	if (!err)
		err = reader_events_begin(reading);
	sodium_memzero(reading->key, sizeof(reading->key));
	reader_ahead_end(reading);
	reading->is_loaded = true;
	const struct ahead_chunk *last = &reading->ahead.last;
	reading->done = (struct reader_done) { .chunks = last->chunks,
					       .bytes = last->bytes,
					       .state = last->verdict.state };
	reading->exit_status = has_moments ? 6 : 2;
	if (last->verdict.state == CAPTURE_TAMPERED)
		snprintf(reading->error, sizeof(reading->error),
			 "the capture was tampered with: %s", last->verdict.reason);
	else if (!has_moments)
		snprintf(
			reading->error, sizeof(reading->error),
			"no program has told of such a moment, or of the second one after the first: "
			"report lists those that there are");
	else if (err)
		snprintf(reading->error, sizeof(reading->error), "the capture cannot be read: %s",
			 err == -EKEYREJECTED ? "the key does not belong to it"
			 : err == -EBADMSG ? "its key slots, or what a chunk holds, are not valid"
			 : err == -ENODATA ? "what reads it has ended"
					   : strerror(-err));
}

static void describe(struct reading *reading)
{
	struct capture_header header;

	if (capture_header_read(reading->capture, &header) == 0) {
		text_hex(reading->context.id, header.capture_id, sizeof(header.capture_id));
		text_hex(reading->context.series, header.series_id, sizeof(header.series_id));
		reading->context.segment = header.segment;
		text_hex(reading->context.host, header.host_pk, sizeof(header.host_pk));
	}
	reading->context.model = &reading->model;
	reading->context.verdict = &reading->ahead.last.verdict;
}

/* {"read": "quick"}, {"read": "replay"}: instead of what is usual. */
static bool asks_for(const json_t *question, const char *way)
{
	const char *wanted = json_string_value(json_object_get(question, "read"));

	return wanted && strcmp(wanted, way) == 0;
}

/* The first question's filter, and its way of reading, are those of all. NULL, or what is wrong
 * with it. */
static const char *take_filter(struct reading *reading, const json_t *question)
{
	struct filter filter;
	const char *wrong = filter_parse(json_object_get(question, "filter"), &filter);

	if (wrong)
		return wrong;
	if (reading->is_loaded)
		return memcmp(&filter, &reading->filter, sizeof(filter)) == 0
			       ? NULL
			       : "another filter needs another opening of the capture";
	reading->filter = filter;
	reading->is_quick = asks_for(question, "quick");
	reading->is_replayed = asks_for(question, "replay");
	const char *by = json_string_value(json_object_get(question, "by"));
	reading->counts_tags = by && strcmp(by, "tag") == 0;
	load(reading, &filter);
	if (!reading->error[0])
		describe(reading);
	return NULL;
}

/* One question, one answer. False: the asker is gone. */
static bool serve(struct reading *reading)
{
	char *text = NULL, *document;
	size_t size;
	json_t *question, *reply;

	if (frame_recv(reading->asker, QUESTION_MAX, &text, &size))
		return false;
	question = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	const char *wrong = question ? take_filter(reading, question) : "the question is not JSON";
	if (reading->error[0])
		reply = json_pack("{s:s, s:i}", "error", reading->error, "exit",
				  reading->exit_status);
	else if (wrong)
		reply = json_pack("{s:s, s:i}", "error", wrong, "exit", 2);
	else if (reader_asks_events(question))
		reply = reader_events(reading);
	else
		reply = answer(&reading->context, question);
	document = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
	bool is_sent = document && frame_send(reading->asker, document, strlen(document)) == 0;
	free(document);
	free(text);
	json_decref(reply);
	json_decref(question);
	return is_sent;
}

int main(void)
{
	static const struct message_rule RULES[] = {
		{ READER_START, sizeof(struct reader_start), 2 },
	};
	static struct message message;
	static struct reading reading;
	struct stat st;

	worker_begin("reader");
	worker_leave_root("reader");
	int err = message_recv(WORKER_SOCKET, RULES, 1, &message);
	if (err)
		return err == -EPIPE ? 0 : 1; /* the vault denied it */
	reading.capture = message_take_fd(&message, 0);
	reading.asker = message_take_fd(&message, 1);
	/* another kind of file might ask without end */
	if (fstat(reading.asker, &st) || !S_ISSOCK(st.st_mode))
		return 1;
	json_object_seed(0); /* reads /dev/urandom, which is out of reach afterwards */
	memcpy(reading.key, ((const struct reader_start *)message.body)->key, sizeof(reading.key));
	sodium_memzero(message.body, sizeof(message.body));
	err = reader_ahead_start(&reading);
	if (err)
		worker_fail(1, -err, "the reader's other half cannot be started: %s",
			    strerror(-err));
	worker_confine("reader");
	while (serve(&reading))
		;
	/* the vault may be gone with its command; then nobody waits for this */
	(void)message_send(WORKER_SOCKET, READER_DONE, &reading.done, sizeof(reading.done), NULL,
			   0);
	_exit(0);
}
