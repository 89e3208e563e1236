// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A recording in segments: what a later one needs of what earlier ones were told, so that each can
 * be read alone. The kernel sends a stack or a thread once.
 */
#include "base/clock.h"
#include "workers/worker.h"
#include "workers/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES	  (1u << 20)
#define STACKS_BYTES_MAX  (512u << 20) /* without those beyond it, later segments lack stacks */
#define EVENTS_MIN	  1024
#define EVENT_BYTES	  8 /* about, in a chunk */
#define CHUNKS_IN_SEGMENT 8 /* at least: it is full when a chunk was written */

static _Noreturn void out_of_memory(void)
{
	worker_fail(1, ENOMEM, "the writer is out of memory");
}

/* In a chunk of a segment of so many bytes. */
static size_t events_max(uint64_t segment_bytes)
{
	uint64_t count = segment_bytes / CHUNKS_IN_SEGMENT / EVENT_BYTES;

	return count < EVENTS_MIN	    ? EVENTS_MIN
	       : count < CAPTURE_EVENTS_MAX ? count
					    : CAPTURE_EVENTS_MAX;
}

void series_start(struct writer *writer, const struct writer_start *start)
{
	struct series *series = &writer->series;

	series->bytes_max = start->segment_bytes;
	series->age_max_ns = start->segment_ns;
	series->is_on = start->segment_bytes || start->segment_ns;
	series->segment = 1;
	series->begin_ns = clock_now_ns();
	if (series->bytes_max)
		writer->events_max = events_max(series->bytes_max);
}

bool series_is_full(const struct writer *writer)
{
	const struct series *series = &writer->series;
	struct capture_position position;

	if (!series->is_on || series->is_full || writer->error)
		return false;
	capture_writer_position(writer->capture, &position);
	/* what a segment begins with costs no more than what it adds */
	return (series->bytes_max && position.size >= series->bytes_max &&
		position.size >= 2 * series->begin_bytes) ||
	       (series->age_max_ns && clock_now_ns() - series->begin_ns >= series->age_max_ns);
}

/* --- payloads that are written again as they were --- */

void series_keep(struct writer *writer, enum chunk_type type, const struct bytes_buffer *payload)
{
	struct kept *kept = &writer->series.kept[type];
	struct bytes_buffer *last = kept->count ? &kept->pieces[kept->count - 1] : NULL;

	if (!writer->series.is_on || !payload->size)
		return;
	/* names are one module's in each payload; others are records, one after the other */
	if (!last || type == CHUNK_NAMES || last->size + payload->size > PIECE_BYTES) {
		struct bytes_buffer *grown = realloc(kept->pieces,
						     (kept->count + 1) * sizeof(*grown));
		if (!grown)
			out_of_memory();
		kept->pieces = grown;
		last = &kept->pieces[kept->count++];
		*last = (struct bytes_buffer) { 0 };
	}
	bytes_put(last, payload->data, payload->size);
	if (last->failed)
		out_of_memory();
}

static void write_kept(struct writer *writer, enum chunk_type type)
{
	const struct kept *kept = &writer->series.kept[type];

	for (size_t i = 0; i < kept->count; i++)
		writer_append(writer, type, &kept->pieces[i]);
}

/* --- records that are written again where they are used --- */

/* Makes items[id] exist, zeroed. */
static void reach(void **items, size_t *count, size_t item_size, uint32_t id)
{
	if (id < *count)
		return;
	size_t grown_count = 2 * (size_t)id + 64;
	char *grown = realloc(*items, grown_count * item_size);
	if (!grown)
		out_of_memory();
	memset(grown + *count * item_size, 0, (grown_count - *count) * item_size);
	*items = grown;
	*count = grown_count;
}

static struct kept_record *stack_at(struct series *series, uint32_t id)
{
	reach((void **)&series->stacks, &series->stack_count, sizeof(*series->stacks), id);
	return &series->stacks[id];
}

static struct kept_record *thread_at(struct series *series, uint32_t id)
{
	reach((void **)&series->threads, &series->thread_count, sizeof(*series->threads), id);
	return &series->threads[id];
}

static void keep_record(struct kept_record *kept, const uint8_t *record, size_t size,
			uint32_t segment)
{
	uint8_t *copy = realloc(kept->bytes, size);

	if (!copy)
		out_of_memory();
	memcpy(copy, record, size);
	*kept = (struct kept_record) { .bytes = copy, .size = (uint32_t)size, .segment = segment };
}

void series_keep_stack(struct writer *writer, uint32_t id, const uint8_t *record, size_t size)
{
	struct series *series = &writer->series;

	if (!series->is_on)
		return;
	struct kept_record *kept = stack_at(series, id);
	series->missing_stacks -= kept->is_missing;
	kept->is_missing = false;
	if (series->stack_bytes + size > STACKS_BYTES_MAX)
		return;
	series->stack_bytes += size;
	keep_record(kept, record, size, series->segment);
}

void series_keep_thread(struct writer *writer, uint32_t id, const uint8_t *record, size_t size)
{
	if (writer->series.is_on)
		keep_record(thread_at(&writer->series, id), record, size, writer->series.segment);
}

/* Its first use in this segment. */
static void write_again(struct writer *writer, struct kept_record *kept, enum chunk_type type,
			struct bytes_buffer *out)
{
	kept->segment = writer->series.segment;
	bytes_put(out, kept->bytes, kept->size);
	if (out->size > PIECE_BYTES)
		writer_flush_records(writer, type, out);
}

void series_use_stack(struct writer *writer, uint32_t id)
{
	struct series *series = &writer->series;

	if (!series->is_on || !id)
		return;
	struct kept_record *kept = stack_at(series, id);
	if (kept->bytes && kept->segment != series->segment) {
		write_again(writer, kept, CHUNK_STACKS, &writer->stacks);
	} else if (!kept->bytes && !kept->is_missing && kept->segment != series->segment) {
		/* it may come after the event */
		kept->segment = series->segment;
		kept->is_missing = true;
		series->missing_stacks++;
	}
}

void series_use_thread(struct writer *writer, uint32_t id)
{
	struct series *series = &writer->series;

	if (!series->is_on)
		return;
	struct kept_record *kept = thread_at(series, id);
	if (kept->bytes && kept->segment != series->segment)
		write_again(writer, kept, CHUNK_THREADS, &writer->threads);
}

void series_begin_segment(struct writer *writer, const struct model *before)
{
	struct series *series = &writer->series;
	struct capture_position position;

	series->segment++;
	series->is_full = series->is_due = false;
	series->begin_ns = clock_now_ns();
	write_kept(writer, CHUNK_TARGETS);
	write_kept(writer, CHUNK_CGROUPS);
	write_kept(writer, CHUNK_MODULES);
	write_kept(writer, CHUNK_FUNCTIONS);
	write_kept(writer, CHUNK_NAMES);
	writer_put_live(writer, before);
	capture_writer_position(writer->capture, &position);
	series->begin_bytes = position.size;
}
