// SPDX-License-Identifier: GPL-2.0-or-later
/* From the ring to the writer. */
#include "base/clock.h"
#include "base/io.h"
#include "workers/tracer.h"
#include "workers/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#define COUNTERS_INTERVAL_NS 1000000000

static void check_stream(int err)
{
	if (!err)
		return;
	/* why it is gone, whoever started it knows */
	if (err == -EPIPE)
		exit(1);
	worker_fail(1, -err, "the writer cannot be reached: %s", strerror(-err));
}

void tracer_send(struct tracer *tracer, enum stream_type type, const void *data, size_t size)
{
	struct stream_frame frame = { .type = type, .size = (uint32_t)size };

	check_stream(io_write(tracer->stream, &frame, sizeof(frame)));
	check_stream(io_write(tracer->stream, data, size));
}

static size_t record_size(const uint8_t *record)
{
	switch (record[0]) {
	case EVENT_ALLOC: return sizeof(struct event_alloc);
	case EVENT_FREE: return sizeof(struct event_free);
	case EVENT_REALLOC: return sizeof(struct event_realloc);
	case EVENT_MAPPING: return sizeof(struct event_mapping);
	case EVENT_MARK: return sizeof(struct event_mark);
	case EVENT_THREAD: return sizeof(struct event_thread);
	case EVENT_MODULE: return sizeof(struct event_module);
	case EVENT_STACK:
		return sizeof(struct event_stack) +
		       ((const struct event_stack *)record)->frame_count * sizeof(u64);
	}
	return 0;
}

/* An absolute address becomes (module, file offset) where the target maps a file there. */
static u64 resolve_frame(struct tracer *tracer, struct target *target, u64 frame)
{
	uint64_t address = frame & FRAME_ADDRESS_MASK;
	const struct mapping *mapping;

	if (frame & FRAME_ANONYMOUS)
		return tracer_code_frame(tracer, target, frame);
	mapping = maps_find(&target->maps, address);
	if (!mapping)
		target->has_unknown_frames = true;
	if (!mapping || !mapping->module)
		return frame;
	return (u64)mapping->module << FRAME_MODULE_SHIFT |
	       ((address - mapping->start + mapping->file_offset) & FRAME_OFFSET_MASK);
}

/* The kernel side has seen the file, but no table of it: the last frame is in it. */
static void resolve_unknown(struct tracer *tracer, const struct target *target,
			    struct event_stack *stack)
{
	const struct module *module = modules_find(
		&tracer->modules, makedev(stack->device >> 20, stack->device & 0xfffff),
		stack->inode);

	if (target && module && stack->frame_count)
		stack->frames[stack->frame_count - 1] = (u64)module->id << FRAME_MODULE_SHIFT |
							(stack->offset & FRAME_OFFSET_MASK);
}

static void resolve_stack(struct tracer *tracer, struct event_stack *stack)
{
	struct target *target = tracer_target(tracer, stack->pid);

	if (stack->status == STACK_NO_TABLE)
		resolve_unknown(tracer, target, stack);
	for (u16 i = 0; i < stack->frame_count; i++) {
		if (target && (stack->frames[i] & FRAME_ABSOLUTE))
			stack->frames[i] = resolve_frame(tracer, target, stack->frames[i]);
		if (!(stack->frames[i] & FRAME_ABSOLUTE))
			tracer_note_frame(tracer, stack->frames[i]);
	}
}

/* A signal has interrupted code of this module. One try: a table that did not fit will not. */
static void want_whole_table(struct tracer *tracer, struct module *module)
{
	tracer->waiting_count += !module->had_whole_table;
	module->needs_whole_table |= !module->had_whole_table;
	module->had_whole_table = true;
}

/* Code without a table was met: its file was mapped since the target was scanned. */
static void want_table(struct tracer *tracer, const struct event_module *event)
{
	struct target *target = tracer_target(tracer, event->pid);

	if (event->module && event->module <= tracer->modules.count)
		want_whole_table(tracer, tracer->modules.items[event->module - 1]);
	else if (target)
		target->has_unknown_frames = true;
}

bool tracer_drain_part(struct tracer *tracer, uint64_t bytes_max)
{
	struct stream_frame frame = { .type = STREAM_EVENTS };
	uint8_t *records = tracer->batch + sizeof(frame);
	uint64_t taken = 0;

	while (taken < bytes_max &&
	       (frame.size = (uint32_t)ring_drain(probes_ring(tracer->probes), records,
						  STREAM_BATCH_MAX))) {
		/* a file was mapped before its code was in a stack, and is met before that stack */
		tracer_meet_mappings(tracer);
		for (size_t at = 0; at < frame.size;) {
			if (records[at] == EVENT_STACK)
				resolve_stack(tracer, (struct event_stack *)(records + at));
			else if (records[at] == EVENT_THREAD)
				tracer_meet_process(tracer,
						    (const struct event_thread *)(records + at));
			else if (records[at] == EVENT_MODULE)
				want_table(tracer, (struct event_module *)(records + at));
			at += record_size(records + at);
		}
		taken += frame.size;
		memcpy(tracer->batch, &frame, sizeof(frame));
		check_stream(io_write(tracer->stream, tracer->batch, sizeof(frame) + frame.size));
	}
	return taken >= bytes_max;
}

void tracer_drain(struct tracer *tracer)
{
	(void)tracer_drain_part(tracer, tracer->options.ring_bytes);
}

void tracer_send_counters(struct tracer *tracer)
{
	struct stream_counters counters = { .time_ns = clock_now_ns() };

	probes_counters(tracer->probes, &counters.sums);
	tracer_send(tracer, STREAM_COUNTERS, &counters, sizeof(counters));
	tracer->counters_ns = counters.time_ns;
}

void tracer_beat(struct tracer *tracer)
{
	if (tracer->counters_ns && clock_now_ns() - tracer->counters_ns > COUNTERS_INTERVAL_NS)
		tracer_send_counters(tracer);
}
