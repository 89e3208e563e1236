// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An EVENTS payload is a count, a base time, and one column per field, each behind its length. What
 * a column holds is chosen so that zstd finds runs:
 *
 *   kinds      one byte per event: kind, flags
 *   functions  one byte per event
 *   threads    a varint per event that is not of the same thread as the one before (see `kinds`)
 *   times      differences to the event before, in ns
 *   sizes      of allocations and reallocations
 *   addresses  of allocations: a prediction that holds (0), or 1 + the zigzag difference to the
 * last one frees      distance back to the allocation of that address among the last 65,536, or 0
 * and the address stacks, durations, alignments
 *
 * Allocators hand out what was freed last: the prediction for an allocation is the address that was
 * freed last among blocks of the same size. Encoder and decoder keep the same small tables, per
 * payload.
 */
#include "capture/events.h"

#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum column {
	COLUMN_KINDS,
	COLUMN_FUNCTIONS,
	COLUMN_THREADS,
	COLUMN_TIMES_LOW, /* least significant byte apart: it is noise, the rest is not */
	COLUMN_TIMES,
	COLUMN_SIZES,
	COLUMN_ADDRESSES,
	COLUMN_FREES,
	COLUMN_STACKS,
	COLUMN_DURATIONS,
	COLUMN_ALIGNMENTS,
	COLUMN_COUNT,
};

#define KIND_MASK	    0x03
#define KIND_FAILED	    0x04
#define KIND_SAME_THREAD    0x08
#define KIND_HAS_STACK	    0x10
#define KIND_PREDICTED	    0x20 /* the address is the predicted one */
#define KIND_IS_ALIGNED	    0x40
#define KIND_TIME_GOES_BACK 0x80

#define RECENT_SLOTS 65536 /* allocations that a free can refer to; a power of two */
#define SIZE_SLOTS   4096
#define STACK_SLOTS  4096

/* What both sides know at each event. */
struct predictor {
	uint64_t addresses[RECENT_SLOTS]; /* of the last allocations, by their number */
	uint64_t sizes[RECENT_SLOTS];
	uint32_t stack_of_size[SIZE_SLOTS]; /* last stack of an allocation of that size */
	uint64_t freed[SIZE_SLOTS];	    /* last address freed of that size */
	uint32_t count;			    /* of allocations */
	uint64_t last_address;
};

static size_t size_slot(uint64_t size)
{
	return hash_u64(size) & (SIZE_SLOTS - 1);
}

static void predictor_allocated(struct predictor *p, uint64_t address, uint64_t size)
{
	p->addresses[p->count & (RECENT_SLOTS - 1)] = address;
	p->sizes[p->count & (RECENT_SLOTS - 1)] = size;
	p->count++;
	p->last_address = address;
	p->freed[size_slot(size)] = 0;
}

/* number: of the allocation that is freed */
static void predictor_freed(struct predictor *p, uint32_t number)
{
	size_t slot = number & (RECENT_SLOTS - 1);

	p->freed[size_slot(p->sizes[slot])] = p->addresses[slot];
}

struct encoder {
	struct predictor predictor;
	struct map numbers; /* address -> number of its last allocation + 1; cheap to rebuild per
			       chunk */
	struct bytes_buffer columns[COLUMN_COUNT];
	uint64_t last_time;
	uint32_t last_thread;
};

static void encode_free(struct encoder *e, uint64_t address)
{
	uint64_t *number = map_get(&e->numbers, address);

	if (number && e->predictor.count - (uint32_t)*number < RECENT_SLOTS) {
		bytes_put_varint(&e->columns[COLUMN_FREES], e->predictor.count - *number + 1);
		predictor_freed(&e->predictor, (uint32_t)*number - 1);
	} else {
		bytes_put_varint(&e->columns[COLUMN_FREES], 0);
		bytes_put_signed(&e->columns[COLUMN_ADDRESSES],
				 (int64_t)(address - e->predictor.last_address));
	}
}

static uint8_t encode_block(struct encoder *e, const struct capture_event *event)
{
	struct predictor *p = &e->predictor;
	bool is_predicted = event->address && p->freed[size_slot(event->size)] == event->address;

	bytes_put_varint(&e->columns[COLUMN_SIZES], event->size);
	if (!is_predicted)
		bytes_put_signed(&e->columns[COLUMN_ADDRESSES],
				 (int64_t)(event->address - p->last_address));
	if (event->address) {
		predictor_allocated(p, event->address, event->size);
		if (map_put(&e->numbers, event->address, p->count))
			e->columns[0].failed = true;
	}
	return is_predicted ? KIND_PREDICTED : 0;
}

static uint8_t encode_stack(struct encoder *e, const struct capture_event *event)
{
	uint32_t *expected = &e->predictor.stack_of_size[size_slot(event->size)];

	if (!event->stack)
		return 0;
	/* 0: as the last allocation of this size */
	bytes_put_varint(&e->columns[COLUMN_STACKS],
			 event->stack == *expected ? 0 : (uint64_t)event->stack);
	*expected = event->stack;
	return KIND_HAS_STACK;
}

static uint8_t encode_time(struct encoder *e, const struct capture_event *event)
{
	bool goes_back = event->time_ns < e->last_time;
	uint64_t delta = goes_back ? e->last_time - event->time_ns : event->time_ns - e->last_time;

	bytes_put_le(&e->columns[COLUMN_TIMES_LOW], delta & 0xff, 1);
	bytes_put_varint(&e->columns[COLUMN_TIMES], delta >> 8);
	e->last_time = event->time_ns;
	return goes_back ? KIND_TIME_GOES_BACK : 0;
}

static void encode_event(struct encoder *e, const struct capture_event *event)
{
	uint8_t kind = event->kind & KIND_MASK;

	if (event->flags & CAPTURE_EVENT_FAILED)
		kind |= KIND_FAILED;
	kind |= encode_time(e, event);
	if (event->thread == e->last_thread)
		kind |= KIND_SAME_THREAD;
	else
		bytes_put_varint(&e->columns[COLUMN_THREADS], event->thread);
	e->last_thread = event->thread;
	bytes_put_le(&e->columns[COLUMN_FUNCTIONS], event->function, 1);
	if (event->kind == CAPTURE_REALLOC) {
		bytes_put_varint(&e->columns[COLUMN_DURATIONS], event->duration_ns);
		encode_free(e, event->old_address);
	}
	if (event->kind == CAPTURE_FREE)
		encode_free(e, event->address);
	else
		kind |= encode_block(e, event);
	kind |= encode_stack(e, event);
	if (event->align_log2) {
		kind |= KIND_IS_ALIGNED;
		bytes_put_le(&e->columns[COLUMN_ALIGNMENTS], event->align_log2, 1);
	}
	bytes_put_le(&e->columns[COLUMN_KINDS], kind, 1);
}

void capture_events_encode(struct bytes_buffer *out, const struct capture_event *events,
			   size_t count)
{
	struct encoder *e = calloc(1, sizeof(*e));

	if (!e) {
		out->failed = true;
		return;
	}
	e->last_time = events[0].time_ns;
	for (size_t i = 0; i < count; i++)
		encode_event(e, &events[i]);
	bytes_put_varint(out, count);
	bytes_put_varint(out, events[0].time_ns);
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		out->failed |= e->columns[i].failed;
		bytes_put_varint(out, e->columns[i].size);
		bytes_put(out, e->columns[i].data, e->columns[i].size);
		bytes_free(&e->columns[i]);
	}
	map_free(&e->numbers);
	free(e);
}

struct decoder {
	struct predictor predictor;
	struct bytes_reader columns[COLUMN_COUNT];
	uint64_t last_time;
	uint32_t last_thread;
	bool failed;
};

static uint64_t decode_free(struct decoder *d)
{
	uint64_t distance = bytes_get_varint(&d->columns[COLUMN_FREES]);
	struct predictor *p = &d->predictor;

	if (distance == 0)
		return p->last_address + (uint64_t)bytes_get_signed(&d->columns[COLUMN_ADDRESSES]);
	if (distance > p->count || distance > RECENT_SLOTS) {
		d->failed = true;
		return 0;
	}
	uint32_t number = p->count - (uint32_t)distance;
	predictor_freed(p, number);
	return p->addresses[number & (RECENT_SLOTS - 1)];
}

static void decode_block(struct decoder *d, struct capture_event *event, uint8_t kind)
{
	struct predictor *p = &d->predictor;

	event->size = bytes_get_varint(&d->columns[COLUMN_SIZES]);
	if (kind & KIND_PREDICTED)
		event->address = p->freed[size_slot(event->size)];
	else
		event->address = p->last_address +
				 (uint64_t)bytes_get_signed(&d->columns[COLUMN_ADDRESSES]);
	if (event->address)
		predictor_allocated(p, event->address, event->size);
}

static void decode_stack(struct decoder *d, struct capture_event *event)
{
	uint32_t *expected = &d->predictor.stack_of_size[size_slot(event->size)];
	uint64_t stack = bytes_get_varint(&d->columns[COLUMN_STACKS]);

	if (stack > UINT32_MAX)
		d->failed = true;
	event->stack = stack ? (uint32_t)stack : *expected;
	*expected = event->stack;
}

static void decode_event(struct decoder *d, struct capture_event *event)
{
	uint8_t kind = bytes_get_u8(&d->columns[COLUMN_KINDS]);
	uint64_t delta = bytes_get_u8(&d->columns[COLUMN_TIMES_LOW]);

	*event = (struct capture_event) { .kind = kind & KIND_MASK };
	delta |= bytes_get_varint(&d->columns[COLUMN_TIMES]) << 8;
	d->last_time += kind & KIND_TIME_GOES_BACK ? 0 - delta : delta;
	event->time_ns = d->last_time;
	if (!(kind & KIND_SAME_THREAD)) {
		uint64_t thread = bytes_get_varint(&d->columns[COLUMN_THREADS]);
		d->failed |= thread > UINT32_MAX;
		d->last_thread = (uint32_t)thread;
	}
	event->thread = d->last_thread;
	event->flags = kind & KIND_FAILED ? CAPTURE_EVENT_FAILED : 0;
	event->function = bytes_get_u8(&d->columns[COLUMN_FUNCTIONS]);
	if (event->kind == CAPTURE_REALLOC) {
		uint64_t duration = bytes_get_varint(&d->columns[COLUMN_DURATIONS]);
		event->duration_ns = duration > UINT32_MAX ? UINT32_MAX : (uint32_t)duration;
		event->old_address = decode_free(d);
	}
	if (event->kind == CAPTURE_FREE)
		event->address = decode_free(d);
	else if (event->kind)
		decode_block(d, event, kind);
	else
		d->failed = true;
	if (kind & KIND_HAS_STACK)
		decode_stack(d, event);
	if (kind & KIND_IS_ALIGNED)
		event->align_log2 = bytes_get_u8(&d->columns[COLUMN_ALIGNMENTS]) & 63;
}

int capture_events_decode(const void *data, size_t size, struct capture_event *events,
			  size_t *count)
{
	struct bytes_reader in = bytes_reader_on(data, size);
	uint64_t events_count = bytes_get_varint(&in);
	struct decoder *d;
	bool failed;

	if (in.failed || events_count == 0 || events_count > CAPTURE_EVENTS_MAX)
		return -EBADMSG;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->last_time = bytes_get_varint(&in);
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		uint64_t length = bytes_get_varint(&in);
		const uint8_t *column = length <= bytes_left(&in) ? bytes_get(&in, (size_t)length)
								  : NULL;
		d->columns[i] = bytes_reader_on(column, column ? (size_t)length : 0);
		d->failed |= !column;
	}
	for (size_t i = 0; !d->failed && i < events_count; i++)
		decode_event(d, &events[i]);
	failed = d->failed || in.failed || bytes_left(&in);
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		failed |= d->columns[i].failed || bytes_left(&d->columns[i]);
	free(d);
	*count = (size_t)events_count;
	return failed ? -EBADMSG : 0;
}
