// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The other half of the reader, a process of its own: it verifies, decrypts, unpacks and decodes
 * what comes next, while the first half applies what came before. A process and no thread, since
 * what a worker may do is settled for a process: each half gives up its rights by itself, by the
 * same policy, and after that neither can start anything.
 *
 * Slots in shared memory are filled in turn. For each, a byte goes over a socket; another one comes
 * back when it is free again. Whoever finds the socket closed ends: there is nobody to clean up
 * for. Nothing is checked twice: a half that a capture has taken over has the same rights as the
 * other.
 */
#include "analysis/summary.h"
#include "base/io.h"
#include "workers/reader.h"
#include "workers/worker.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS	       4 /* enough for a chunk that takes longer than others */
#define CHECKS_AT_ONCE 64

struct ahead_slot {
	struct ahead_chunk chunk;
	union {
		uint8_t raw[CAPTURE_RAW_MAX];
		struct capture_event events[CAPTURE_EVENTS_MAX];
	};
};

/* From the first half: what to begin with, or that a slot is free. */
struct ahead_request {
	bool is_free;
	bool is_quick;
	enum reader_part part;
	enum reader_way way;
	uint64_t from_ns, to_ns; /* of the filter */
};

/* --- the half that reads ahead --- */

struct source {
	int socket;
	struct ahead_slot *slots;
	unsigned next, free; /* slots */
	struct ahead_chunk so_far;
};

static struct ahead_request hear(const struct source *source)
{
	struct ahead_request request;

	if (io_read(source->socket, &request, sizeof(request)))
		_exit(0);
	return request;
}

static struct ahead_slot *free_slot(struct source *source)
{
	while (!source->free) {
		(void)hear(source);
		source->free++;
	}
	source->free--;
	return &source->slots[source->next++ % SLOTS];
}

static void hand_over(const struct source *source, struct ahead_slot *slot)
{
	slot->chunk = source->so_far;
	if (io_write(source->socket, "", 1))
		_exit(0);
}

/* 0, or what is wrong with the events. */
static int put_chunk(struct source *source, const struct chunk *chunk)
{
	struct ahead_slot *slot = free_slot(source);
	int err = 0;

	source->so_far.type = chunk->type;
	source->so_far.size = chunk->size;
	source->so_far.event_count = 0;
	if (chunk->type == CHUNK_EVENTS)
		err = capture_events_decode(chunk->raw, chunk->size, slot->events,
					    &source->so_far.event_count);
	else
		memcpy(slot->raw, chunk->raw, chunk->size);
	if (!err) {
		hand_over(source, slot);
		return 0;
	}
	source->next--;
	source->free++;
	return err;
}

static void count_verified(struct source *source, const struct capture_reader *reader, size_t bytes)
{
	source->so_far.chunks++;
	source->so_far.bytes += bytes;
	source->so_far.verdict = *capture_reader_verdict(reader);
}

/* From front to back. */
static int read_through(struct source *source, struct capture_reader *reader, enum reader_part part)
{
	struct chunk chunk;
	int err = 0, more = 0;

	while (!err && (more = capture_reader_next(reader, &chunk)) == 1) {
		count_verified(source, reader, chunk.size);
		if (reader_wants(chunk.type, part))
			err = put_chunk(source, &chunk);
	}
	return err ? err : more;
}

/* It is not for the model; but whoever waits sees whether anybody still does. */
static int check_chunk(struct source *source, struct capture_reader *reader, size_t sequence)
{
	static const struct chunk NOTHING = { .raw = (const uint8_t *)"" };
	int err = capture_reader_check(reader, sequence);

	return !err && sequence % CHECKS_AT_ONCE == 0 ? put_chunk(source, &NOTHING) : err;
}

/* Which chunks are wanted, of those that the index tells of. */
struct plan {
	const struct ahead_request *request;
	const struct index_entry *entries;
	size_t count;
	size_t summary; /* where it begins; count: there is none */
	bool has_read_summary;
	size_t counters;	       /* the last ones: no others count */
	size_t checkpoint, begin, end; /* events are those between; the checkpoint is before */
};

/* Blocks from before the filter's time do not pass: the last state before it is enough, and nothing
 * after it is told once everything has a later time. */
static void narrow(struct plan *plan, const struct checkpoint *checkpoints, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct checkpoint *checkpoint = &checkpoints[i];
		if (checkpoint->sequence > plan->count ||
		    checkpoint->chunks > plan->count - checkpoint->sequence)
			continue;
		if (checkpoint->latest_ns < plan->request->from_ns) {
			plan->checkpoint = (size_t)checkpoint->sequence;
			plan->begin = (size_t)(checkpoint->sequence + checkpoint->chunks);
		}
		if (checkpoint->earliest_ns > plan->request->to_ns &&
		    checkpoint->sequence < plan->end)
			plan->end = (size_t)checkpoint->sequence;
	}
}

static int find_range(struct source *source, struct plan *plan, struct capture_reader *reader)
{
	struct checkpoint *checkpoints = NULL;
	size_t count = 0;
	int err = 0;

	for (size_t i = plan->summary; !err && i < plan->count; i++) {
		struct chunk chunk;
		err = capture_reader_at(reader, i, &chunk);
		if (!err) {
			count_verified(source, reader, chunk.size);
			struct bytes_reader in = bytes_reader_on(chunk.raw, chunk.size);
			err = summary_get_checkpoints(&in, &checkpoints, &count);
		}
	}
	plan->has_read_summary = true;
	if (!err)
		narrow(plan, checkpoints, count);
	free(checkpoints);
	return err;
}

/* The End chunk is in the model's hands first: it says where the summary begins. */
static int make_plan(struct source *source, struct capture_reader *reader, struct plan *plan)
{
	const struct ahead_request *request = plan->request;
	bool is_part = request->from_ns || request->to_ns != UINT64_MAX;
	struct end_record totals;
	struct chunk chunk;
	int err = capture_reader_index(reader, &chunk);

	if (err)
		return err;
	count_verified(source, reader, chunk.size);
	plan->entries = capture_reader_entries(reader, &plan->count);
	if (!end_totals_get(chunk.raw, chunk.size, &totals) || totals.summary_chunks > plan->count)
		return -EBADMSG;
	plan->summary = plan->count - (size_t)totals.summary_chunks;
	plan->end = plan->count;
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->entries[i].type == CHUNK_COUNTERS)
			plan->counters = i;
		/* what threads are in then, no checkpoint knows */
		if (plan->entries[i].type == CHUNK_MARKS)
			is_part = false;
	}
	if (request->part == READ_SUMMARY && !totals.summary_chunks)
		return -ENODATA;
	if (request->part != READ_NAMES)
		err = put_chunk(source, &chunk);
	if (!err && is_part && (request->part == READ_ALL || request->part == READ_REST))
		err = find_range(source, plan, reader);
	return err;
}

static bool is_wanted(const struct plan *plan, size_t i)
{
	enum chunk_type type = plan->entries[i].type;
	enum reader_part part = plan->request->part;

	if (type == CHUNK_COUNTERS && i != plan->counters)
		return false;
	if (part == READ_SUMMARY)
		return type == CHUNK_SUMMARY ? i >= plan->summary
					     : !summary_covers(type) && type != CHUNK_CHECKPOINT;
	if (type == CHUNK_CHECKPOINT)
		return part != READ_NAMES && i >= plan->checkpoint && i < plan->begin;
	/* looks at memory are of all processes that there are then, and few */
	if (summary_covers(type) && type != CHUNK_MEMORY && (i < plan->begin || i >= plan->end))
		return false;
	return reader_wants(type, part);
}

static int read_by_index(struct source *source, struct capture_reader *reader,
			 const struct ahead_request *request)
{
	struct plan plan = { .request = request };
	struct chunk chunk;
	int err = make_plan(source, reader, &plan);

	for (size_t i = 0; !err && i < plan.count; i++) {
		bool is_fed = is_wanted(&plan, i);
		/* those of another part are verified with that */
		if (!is_fed &&
		    (request->is_quick || request->part == READ_NAMES ||
		     request->part == READ_MARKS || (plan.has_read_summary && i >= plan.summary)))
			continue;
		err = is_fed ? capture_reader_at(reader, i, &chunk)
			     : check_chunk(source, reader, i);
		if (!err)
			count_verified(source, reader, plan.entries[i].raw_size);
		if (!err && is_fed)
			err = put_chunk(source, &chunk);
	}
	return err;
}

/* Reads the capture once. */
static void read_part(struct source *source, const struct reading *reading,
		      const struct ahead_request *request)
{
	struct capture_reader *reader = NULL;
	int err = capture_reader_open(reading->capture, reading->key, &reader);

	source->so_far = (struct ahead_chunk) { .verdict = { .state = CAPTURE_INCOMPLETE } };
	if (!err)
		err = request->way == READ_BY_INDEX ? read_by_index(source, reader, request)
						    : read_through(source, reader, request->part);
	struct ahead_slot *slot = free_slot(source);
	source->so_far.is_last = true;
	source->so_far.error = err;
	if (reader)
		source->so_far.verdict = *capture_reader_verdict(reader);
	hand_over(source, slot);
	capture_reader_free(reader);
}

static _Noreturn void read_ahead(const struct reading *reading, int socket,
				 struct ahead_slot *slots)
{
	struct source source = { .socket = socket, .slots = slots, .free = SLOTS };

	worker_confine("reader");
	/* that its peers see when the first half has ended */
	close(WORKER_SOCKET);
	close(reading->asker);
	for (;;) {
		struct ahead_request request = hear(&source);
		if (request.is_free)
			source.free++;
		else
			read_part(&source, reading, &request);
	}
}

/* --- the half that is asked --- */

int reader_ahead_start(struct reading *reading)
{
	int pair[2];

	reading->ahead.slots = mmap(NULL, SLOTS * sizeof(*reading->ahead.slots),
				    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reading->ahead.slots == MAP_FAILED)
		return -errno;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(pair[0]);
		read_ahead(reading, pair[1], reading->ahead.slots);
	}
	close(pair[1]);
	reading->ahead.socket = pair[0];
	return 0;
}

/* Has the asker hung up? What was asked need not be answered then. */
static bool is_given_up(const struct reading *reading)
{
	uint8_t byte;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	return recvmsg(reading->asker, &message, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static int feed(struct model *model, const struct ahead_slot *slot)
{
	if (slot->chunk.type == CHUNK_EVENTS)
		return model_feed_events(model, slot->events, slot->chunk.event_count);
	return model_feed(model, slot->chunk.type, slot->raw, slot->chunk.size);
}

void reader_ahead_end(struct reading *reading)
{
	close(reading->ahead.socket);
	munmap(reading->ahead.slots, SLOTS * sizeof(*reading->ahead.slots));
}

int reader_ahead_read(struct reading *reading, struct model *model, enum reader_part part,
		      enum reader_way way)
{
	struct reader_ahead *ahead = &reading->ahead;
	struct ahead_request request = { .is_quick = reading->is_quick,
					 .part = part,
					 .way = way,
					 .from_ns = model->filter.from_ns,
					 .to_ns = model->filter.to_ns };
	static const struct ahead_request FREE = { .is_free = true };
	bool is_last = false;
	int err = 0;

	if (io_write(ahead->socket, &request, sizeof(request)))
		return -ENODATA;
	/* after an error, too, to the end: both halves are to know the same of the slots */
	while (!is_last) {
		uint8_t byte;
		if (io_read(ahead->socket, &byte, 1))
			return -ENODATA;
		const struct ahead_slot *slot = &ahead->slots[ahead->next++ % SLOTS];
		ahead->last = slot->chunk;
		is_last = slot->chunk.is_last;
		if (is_given_up(reading))
			return -ECANCELED;
		if (!err)
			err = is_last ? slot->chunk.error : feed(model, slot);
		if (io_write(ahead->socket, &FREE, sizeof(FREE)))
			return -ENODATA;
	}
	return err;
}
