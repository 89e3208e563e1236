// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What lives at one moment: a segment begins with it, and checkpoints are where whoever asks about
 * a part of the time can begin.
 */
#include "workers/worker.h"
#include "workers/writer.h"

#include <errno.h>
#include <stdlib.h>

#define PIECE_BYTES (1u << 20)

/* So many events are replayed in less than a tenth of a second; and a checkpoint costs a small part
 * of what they take on the disk, also where much lives. */
#define EVENTS_BETWEEN		 (1u << 20)
#define EVENTS_BETWEEN_BY_BLOCKS 64

static _Noreturn void out_of_memory(void)
{
	worker_fail(1, ENOMEM, "the writer is out of memory");
}

struct putting {
	struct writer *writer;
	const struct model *model; /* in which it lives */
	bool is_checkpoint;
	uint32_t tag; /* of the last block */
};

/* In a checkpoint, chunks are as others, with their type before them. */
static void put_payload(const struct putting *putting, enum chunk_type type,
			struct bytes_buffer *payload)
{
	struct bytes_buffer inner = { 0 };

	if (putting->is_checkpoint && payload->size) {
		bytes_put_le(&inner, type, 1);
		bytes_put(&inner, payload->data, payload->size);
		writer_append(putting->writer, CHUNK_CHECKPOINT, &inner);
		bytes_free(&inner);
	} else {
		writer_append(putting->writer, type, payload);
	}
	payload->size = 0;
}

/* Records that blocks and ranges refer to. */
static void flush_records(struct writer *writer)
{
	writer_flush_records(writer, CHUNK_THREADS, &writer->threads);
	writer_flush_records(writer, CHUNK_STACKS, &writer->stacks);
}

static void flush_live(const struct putting *putting)
{
	struct writer *writer = putting->writer;
	struct bytes_buffer out = { 0 };

	flush_records(writer);
	writer_flush_records(writer, CHUNK_MARKS, &writer->marks);
	if (writer->event_count) {
		capture_events_encode(&out, writer->events, writer->event_count);
		put_payload(putting, CHUNK_LIVE, &out);
	}
	writer->event_count = 0;
	bytes_free(&out);
}

static void put_live(const struct putting *putting, const struct capture_event *event)
{
	struct writer *writer = putting->writer;

	writer->events[writer->event_count++] = *event;
	if (writer->event_count == CAPTURE_EVENTS_MAX)
		flush_live(putting);
}

static void put_block(void *context, const struct block *block)
{
	struct putting *putting = context;
	struct writer *writer = putting->writer;
	bool is_last = model_is_last(putting->model, block);
	/* in a segment, chains begin anew */
	uint32_t resizes = putting->is_checkpoint ? block->resizes : 0;

	series_use_thread(writer, block->thread);
	series_use_stack(writer, block->stack);
	if (block->tag != putting->tag)
		writer_put_block_tag(writer, tags_name(&putting->model->tags, block->tag));
	putting->tag = block->tag;
	put_live(putting, &(struct capture_event) { .kind = is_last || resizes ? CAPTURE_REALLOC
									       : CAPTURE_ALLOC,
						    .address = block->address,
						    .size = block->size,
						    .time_ns = block->time_ns,
						    .duration_ns = 2 * resizes + !is_last,
						    .thread = block->thread,
						    .stack = block->stack,
						    .function = block->function });
}

static void put_missed(void *context, uint64_t key, uint64_t time_ns)
{
	put_live(context, &(struct capture_event) {
				  .kind = CAPTURE_FREE, .address = key, .time_ns = time_ns });
}

static void flush_mapped(const struct putting *putting)
{
	flush_records(putting->writer);
	put_payload(putting, CHUNK_MAPPED, &putting->writer->mappings);
}

static void put_range(void *context, const struct range *range)
{
	const struct putting *putting = context;
	struct writer *writer = putting->writer;

	series_use_thread(writer, range->thread);
	series_use_stack(writer, range->stack);
	mapping_record_put(&writer->mappings,
			   &(struct mapping_record) { .time_ns = range->time_ns,
						      .thread = range->thread,
						      .flags = range->is_file ? MAPPING_OF_FILE : 0,
						      .address = range->address,
						      .size = range->size,
						      .stack = range->stack });
	if (writer->mappings.size > PIECE_BYTES)
		flush_mapped(putting);
}

static void put_all(struct putting *putting)
{
	const struct model *model = putting->model;

	live_visit(model->live, put_block, putting);
	live_visit_missed(model->live, put_missed, putting);
	flush_live(putting);
	if (!putting->is_checkpoint)
		writer_put_scopes(putting->writer, model);
	mapped_visit(model->mapped, put_range, putting);
	flush_mapped(putting);
}

void writer_put_live(struct writer *writer, const struct model *model)
{
	put_all(&(struct putting) { .writer = writer, .model = model });
	writer->checkpoint_count = 0;
	writer->events_at_checkpoint = 0;
	writer->earliest_ns = UINT64_MAX;
}

static struct checkpoint *add_checkpoint(struct writer *writer)
{
	size_t count = writer->checkpoint_count++;

	if ((count & (count - 1)) == 0) {
		struct checkpoint *grown = realloc(writer->checkpoints,
						   (count ? 2 * count : 1) * sizeof(*grown));
		if (!grown)
			out_of_memory();
		writer->checkpoints = grown;
	}
	return &writer->checkpoints[count];
}

/* What was told since the last checkpoint is after that one. */
static void end_interval(struct writer *writer)
{
	if (writer->checkpoint_count)
		writer->checkpoints[writer->checkpoint_count - 1].earliest_ns = writer->earliest_ns;
	writer->earliest_ns = UINT64_MAX;
}

void writer_put_checkpoint_if_due(struct writer *writer)
{
	uint64_t since = writer->events_written - writer->events_at_checkpoint;
	uint64_t blocks = model_totals(&writer->model)->live_blocks;
	struct putting putting = { .writer = writer,
				   .model = &writer->model,
				   .is_checkpoint = true };
	struct capture_position before, after;

	if (since < EVENTS_BETWEEN || since / EVENTS_BETWEEN_BY_BLOCKS < blocks || writer->error ||
	    writer->is_merged || writer->has_marks)
		return;
	end_interval(writer);
	capture_writer_position(writer->capture, &before);
	put_all(&putting);
	capture_writer_position(writer->capture, &after);
	writer->events_at_checkpoint = writer->events_written;
	if (!writer->error)
		*add_checkpoint(writer) = (struct checkpoint) { .sequence = before.sequence + 1,
								.chunks = after.sequence -
									  before.sequence,
								.latest_ns = writer->latest_ns,
								.earliest_ns = UINT64_MAX };
}

void writer_end_checkpoints(struct writer *writer)
{
	end_interval(writer);
	for (size_t i = writer->checkpoint_count; i > 1; i--) {
		const struct checkpoint *next = &writer->checkpoints[i - 1];
		struct checkpoint *checkpoint = &writer->checkpoints[i - 2];
		if (next->earliest_ns < checkpoint->earliest_ns)
			checkpoint->earliest_ns = next->earliest_ns;
	}
}
