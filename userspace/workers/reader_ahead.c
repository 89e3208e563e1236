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

/* From the first half: a part to begin with, or AHEAD_FREE. */
#define AHEAD_FREE 0xff

/* --- the half that reads ahead --- */

struct source {
	int socket;
	struct ahead_slot *slots;
	unsigned next, free; /* slots */
	struct ahead_chunk so_far;
};

static uint8_t hear(const struct source *source)
{
	uint8_t byte;

	if (io_read(source->socket, &byte, 1))
		_exit(0);
	return byte;
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

/* The End chunk is in the model's hands first: it says where the summary begins. */
static int read_summary(struct source *source, struct capture_reader *reader, bool is_quick)
{
	struct end_record totals;
	struct chunk chunk;
	size_t count, counters = 0;
	int err = capture_reader_index(reader, &chunk);

	if (err)
		return err;
	count_verified(source, reader, chunk.size);
	const struct index_entry *entries = capture_reader_entries(reader, &count);
	if (!end_totals_get(chunk.raw, chunk.size, &totals) || !totals.summary_chunks ||
	    totals.summary_chunks > count)
		return -ENODATA;
	for (size_t i = 0; i < count; i++)
		counters = entries[i].type == CHUNK_COUNTERS ? i : counters;
	err = put_chunk(source, &chunk);
	for (size_t i = 0; !err && i < count; i++) {
		/* of these the last one counts; and one that there was no room for all of is none
		 */
		bool is_summed = summary_covers(entries[i].type) ||
				 (entries[i].type == CHUNK_COUNTERS && i != counters) ||
				 (entries[i].type == CHUNK_SUMMARY &&
				  i < count - totals.summary_chunks);
		if (is_summed && is_quick)
			continue;
		err = is_summed ? check_chunk(source, reader, i)
				: capture_reader_at(reader, i, &chunk);
		if (!err)
			count_verified(source, reader, entries[i].raw_size);
		if (!err && !is_summed)
			err = put_chunk(source, &chunk);
	}
	return err;
}

/* Reads the capture once. */
static void read_part(struct source *source, const struct reading *reading, enum reader_part part)
{
	struct capture_reader *reader = NULL;
	int err = capture_reader_open(reading->capture, reading->key, &reader);

	source->so_far = (struct ahead_chunk) { .verdict = { .state = CAPTURE_INCOMPLETE } };
	if (!err)
		err = part == READ_SUMMARY || part == READ_SUMMARY_QUICKLY
			      ? read_summary(source, reader, part == READ_SUMMARY_QUICKLY)
			      : read_through(source, reader, part);
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
		uint8_t byte = hear(&source);
		if (byte == AHEAD_FREE)
			source.free++;
		else
			read_part(&source, reading, (enum reader_part)byte);
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

int reader_ahead_read(struct reading *reading, struct model *model, enum reader_part part)
{
	struct reader_ahead *ahead = &reading->ahead;
	uint8_t byte = (uint8_t)part;
	bool is_last = false;
	int err = io_write(ahead->socket, &byte, 1);

	while (!err && !is_last) {
		err = io_read(ahead->socket, &byte, 1);
		if (err)
			break;
		const struct ahead_slot *slot = &ahead->slots[ahead->next++ % SLOTS];
		ahead->last = slot->chunk;
		is_last = slot->chunk.is_last;
		err = is_last		     ? slot->chunk.error
		      : is_given_up(reading) ? -ECANCELED
					     : feed(model, slot);
		byte = AHEAD_FREE;
		if (!err)
			err = io_write(ahead->socket, &byte, 1);
	}
	return err;
}
