// SPDX-License-Identifier: GPL-2.0-or-later
/* Ring records become events of the capture: hashes and thread ids become small numbers. */
#include "workers/worker.h"
#include "workers/writer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Records wait for the next flush, but never grow beyond what one chunk can hold. */
#define RECORDS_FLUSH_BYTES (1u << 20)

static _Noreturn void out_of_memory(void)
{
	worker_fail(1, ENOMEM, "the writer is out of memory");
}

/* What frames are, and what they are called, is no matter of the sums. */
static bool is_for_model(enum chunk_type type)
{
	return type != CHUNK_STACKS && type != CHUNK_NAMES && type != CHUNK_EVENTS;
}

void writer_append(struct writer *writer, enum chunk_type type, const struct bytes_buffer *payload)
{
	if (payload->failed)
		out_of_memory();
	if (!payload->size)
		return;
	if (!writer->error)
		writer->error = capture_writer_append(writer->capture, type, payload->data,
						      payload->size);
	if (is_for_model(type) && model_feed(&writer->model, type, payload->data, payload->size))
		out_of_memory();
}

void writer_flush_records(struct writer *writer, enum chunk_type type, struct bytes_buffer *records)
{
	writer_append(writer, type, records);
	records->size = 0;
}

/* Of those that every segment of a series begins with. */
static void flush_kept(struct writer *writer, enum chunk_type type, struct bytes_buffer *records)
{
	series_keep(writer, type, records);
	writer_flush_records(writer, type, records);
}

/* Of the chunk that was appended last. */
static void count_written(struct writer *writer, size_t events)
{
	*(writer->error ? &writer->events_discarded : &writer->events_written) += events;
}

void writer_flush(struct writer *writer)
{
	struct bytes_buffer out = { 0 };

	flush_kept(writer, CHUNK_TARGETS, &writer->targets);
	flush_kept(writer, CHUNK_CGROUPS, &writer->cgroups);
	flush_kept(writer, CHUNK_MODULES, &writer->modules);
	flush_kept(writer, CHUNK_FUNCTIONS, &writer->functions);
	writer_flush_records(writer, CHUNK_THREADS, &writer->threads);
	writer_flush_records(writer, CHUNK_STACKS, &writer->stacks);
	/* what they say is said of the events that follow */
	writer_flush_records(writer, CHUNK_MARKS, &writer->marks);
	count_written(writer, writer->mark_count);
	writer->mark_count = 0;
	if (writer->event_count) {
		capture_events_encode(&out, writer->events, writer->event_count);
		writer_append(writer, CHUNK_EVENTS, &out);
		bytes_free(&out);
		if (model_feed_events(&writer->model, writer->events, writer->event_count))
			out_of_memory();
		count_written(writer, writer->event_count);
		writer->event_count = 0;
	}
	if (writer->mapping_count) {
		writer_flush_records(writer, CHUNK_MAPPINGS, &writer->mappings);
		count_written(writer, writer->mapping_count);
		writer->mapping_count = 0;
	}
	writer_put_checkpoint_if_due(writer);
	if (!writer->error)
		writer->error = capture_writer_sync(writer->capture);
}

/* count: of what there are sums of each. */
static void merge_if_many(struct writer *writer, uint32_t count)
{
	if (count != WRITER_SUMMED_MAX)
		return;
	writer->is_merged = true;
	if (model_merge(&writer->model))
		out_of_memory();
}

/* The id of a stack; given out at its first sight, be that its record or an event that came before
 * it. */
static uint64_t *stack_id(struct writer *writer, uint64_t hash)
{
	uint64_t *id = map_get(&writer->stack_ids, hash);

	if (id)
		return id;
	if (map_put(&writer->stack_ids, hash, (uint64_t)++writer->stack_count << 1))
		out_of_memory();
	merge_if_many(writer, writer->stack_count);
	return map_get(&writer->stack_ids, hash);
}

/* Names the thread; program: the one that it runs, how many its process had begun before. Returns
 * program << 32 | id. */
static uint64_t thread_put(struct writer *writer, const struct event_head *head, uint32_t program,
			   bool inherits, const char *comm)
{
	uint64_t key = (uint64_t)head->pid << 32 | head->tid;
	const uint64_t *known = map_get(&writer->thread_ids, key);
	uint32_t id = known && *known >> 32 == program ? (uint32_t)*known : 0;

	if (!id) {
		id = ++writer->thread_count;
		merge_if_many(writer, id);
		if (map_put(&writer->thread_ids, key, (uint64_t)program << 32 | id))
			out_of_memory();
	}
	size_t before = writer->threads.size;
	thread_record_put(&writer->threads, &(struct thread_record) { .id = id,
								      .pid = head->pid,
								      .tid = head->tid,
								      .program = program,
								      .inherits = inherits,
								      .comm = (char *)comm });
	if (writer->threads.failed)
		out_of_memory();
	series_keep_thread(writer, id, writer->threads.data + before,
			   writer->threads.size - before);
	return (uint64_t)program << 32 | id;
}

/* The thread whose call it is. */
static uint32_t calling_thread(struct writer *writer, const struct event_head *head)
{
	const uint64_t *known = map_get(&writer->thread_ids, (uint64_t)head->pid << 32 | head->tid);
	uint64_t thread = known ? *known : thread_put(writer, head, 0, false, "");

	series_use_thread(writer, (uint32_t)thread);
	return (uint32_t)thread;
}

/* The id of the stack with this hash; 0: none was taken. */
static uint32_t call_stack(struct writer *writer, uint64_t hash)
{
	uint32_t id = hash ? (uint32_t)(*stack_id(writer, hash) >> 1) : 0;

	series_use_stack(writer, id);
	return id;
}

static void add_thread(struct writer *writer, const struct event_thread *thread)
{
	uint64_t key = (uint64_t)thread->head.pid + 1;
	const uint64_t *known = map_get(&writer->programs, key);
	uint64_t program = known ? *known >> 32 : 0;
	char comm[sizeof(thread->comm) + 1] = "";

	program += known && (uint32_t)*known != thread->exec_id;
	if (map_put(&writer->programs, key, program << 32 | thread->exec_id))
		out_of_memory();
	memcpy(comm, thread->comm, sizeof(thread->comm));
	uint32_t threads = writer->thread_count;
	uint64_t id = thread_put(writer, &thread->head, (uint32_t)program, thread->inherits != 0,
				 comm);
	if (writer->thread_count == threads)
		writer_restart_thread(writer, (uint32_t)id, thread);
}

static void add_stack(struct writer *writer, const struct event_stack *stack)
{
	static struct stack_record record;
	uint64_t *id = stack_id(writer, stack->stack);

	if (*id & 1)
		return;
	*id |= 1;
	record.id = (uint32_t)(*id >> 1);
	record.status = stack->status;
	record.frame_count = stack->frame_count < RECORD_FRAMES_MAX ? stack->frame_count
								    : RECORD_FRAMES_MAX;
	for (uint32_t i = 0; i < record.frame_count; i++) {
		u64 frame = stack->frames[i];
		bool is_absolute = frame & FRAME_ABSOLUTE;
		record.frames[i] = (struct record_frame) {
			.module = is_absolute ? 0 : (uint32_t)(frame >> FRAME_MODULE_SHIFT),
			.offset = frame & (is_absolute ? FRAME_ADDRESS_MASK : FRAME_OFFSET_MASK)
		};
	}
	size_t before = writer->stacks.size;
	stack_record_put(&writer->stacks, &record);
	if (writer->stacks.failed)
		out_of_memory();
	series_keep_stack(writer, record.id, writer->stacks.data + before,
			  writer->stacks.size - before);
	if (writer->stacks.size > RECORDS_FLUSH_BYTES)
		writer_flush_records(writer, CHUNK_STACKS, &writer->stacks);
}

/* The fields that all kinds share. */
static struct capture_event *add_event(struct writer *writer, const struct event_head *head)
{
	uint32_t thread = calling_thread(writer, head);
	struct capture_event *event = &writer->events[writer->event_count++];

	*event = (struct capture_event) {
		.time_ns = head->time_ns > writer->start_ns ? head->time_ns - writer->start_ns : 0,
		.thread = thread,
		.function = head->function,
		.flags = head->flags & EVENT_FAILED ? CAPTURE_EVENT_FAILED : 0,
		.align_log2 = head->flags & EVENT_ALIGN_MASK,
		.duration_ns = head->duration_ns,
	};
	writer_note_time(writer, event->time_ns);
	return event;
}

static void finish_event(struct writer *writer, struct capture_event *event, uint64_t hash)
{
	event->stack = call_stack(writer, hash);
	if (writer->event_count >= writer->events_max)
		writer_flush(writer);
}

static void add_alloc(struct writer *writer, const void *record)
{
	const struct event_alloc *alloc = record;
	struct capture_event *event = add_event(writer, &alloc->head);

	event->kind = CAPTURE_ALLOC;
	event->address = alloc->address;
	event->size = alloc->size;
	finish_event(writer, event, alloc->stack);
}

static void add_free(struct writer *writer, const void *record)
{
	const struct event_free *released = record;
	struct capture_event *event = add_event(writer, &released->head);

	event->kind = CAPTURE_FREE;
	event->address = released->address;
	finish_event(writer, event, released->stack);
}

static void add_realloc(struct writer *writer, const void *record)
{
	const struct event_realloc *moved = record;
	struct capture_event *event = add_event(writer, &moved->head);

	event->kind = CAPTURE_REALLOC;
	event->address = moved->address;
	event->size = moved->size;
	event->old_address = moved->old_address;
	finish_event(writer, event, moved->stack);
}

static void add_mark(struct writer *writer, const struct event_mark *mark)
{
	writer_mark(writer, mark, calling_thread(writer, &mark->head));
	writer->mark_count++;
	if (writer->marks.size > RECORDS_FLUSH_BYTES)
		writer_flush(writer);
}

/* A call's range as the kernel takes it: whole pages. */
static uint64_t whole_pages(uint64_t *address, uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), end;

	if (!size || __builtin_add_overflow(*address, size + page - 1, &end) || size + page < size)
		return 0;
	*address = (*address + page - 1) & -page;
	return (end & -page) - *address;
}

/* What maps and unmaps is rare beside what allocates: it is a record like others. */
static void add_mapping(struct writer *writer, const struct event_mapping *mapping)
{
	const struct event_head *head = &mapping->head;
	uint64_t address = mapping->address, old_address = mapping->old_address;
	uint64_t size = whole_pages(&address, mapping->size);
	uint64_t old_size = whole_pages(&old_address, mapping->old_size);

	const struct mapping_record record = {
		.time_ns = head->time_ns > writer->start_ns ? head->time_ns - writer->start_ns : 0,
		.duration_ns = head->duration_ns,
		.thread = calling_thread(writer, head),
		.function = head->function,
		.flags = (head->flags & EVENT_FAILED ? MAPPING_FAILED : 0) |
			 (head->flags & EVENT_OF_FILE ? MAPPING_OF_FILE : 0),
		.old_address = old_address,
		.old_size = old_size,
		.address = address,
		.size = size,
		.stack = call_stack(writer, mapping->stack),
	};
	writer_note_time(writer, record.time_ns);
	mapping_record_put(&writer->mappings, &record);
	writer->mapping_count++;
	if (writer->mappings.size > RECORDS_FLUSH_BYTES)
		writer_flush(writer);
}

static size_t record_bytes(const uint8_t *record, size_t left)
{
	size_t size = 0;

	switch (record[0]) {
	case EVENT_ALLOC: size = sizeof(struct event_alloc); break;
	case EVENT_FREE: size = sizeof(struct event_free); break;
	case EVENT_REALLOC: size = sizeof(struct event_realloc); break;
	case EVENT_MAPPING: size = sizeof(struct event_mapping); break;
	case EVENT_MARK: size = sizeof(struct event_mark); break;
	case EVENT_THREAD: size = sizeof(struct event_thread); break;
	case EVENT_MODULE: size = sizeof(struct event_module); break;
	case EVENT_STACK:
		if (left >= sizeof(struct event_stack))
			size = sizeof(struct event_stack) +
			       ((const struct event_stack *)record)->frame_count * sizeof(u64);
		break;
	}
	return size <= left ? size : 0;
}

void writer_events(struct writer *writer, const uint8_t *records, size_t size)
{
	for (size_t at = 0, length; at < size; at += length) {
		const uint8_t *record = records + at;
		length = record_bytes(record, size - at);
		if (!length)
			worker_fail(1, EPROTO, "the tracer sent a record that is none");
		switch (record[0]) {
		case EVENT_ALLOC: add_alloc(writer, record); break;
		case EVENT_FREE: add_free(writer, record); break;
		case EVENT_REALLOC: add_realloc(writer, record); break;
		case EVENT_MAPPING: add_mapping(writer, (const void *)record); break;
		case EVENT_MARK: add_mark(writer, (const void *)record); break;
		case EVENT_STACK: add_stack(writer, (const void *)record); break;
		case EVENT_MODULE: break; /* was for the tracer */
		case EVENT_THREAD: add_thread(writer, (const void *)record); break;
		}
	}
}
