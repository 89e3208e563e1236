// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/events.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed;

static uint64_t rnd(void)
{
	seed += 0x9e3779b97f4a7c15ULL;
	uint64_t x = seed;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* A number of a random length, so that all lengths of varints occur. */
static uint64_t rnd_wide(void)
{
	return rnd() >> (rnd() & 63);
}

static struct capture_event *new_events(void)
{
	struct capture_event *events = calloc(CAPTURE_EVENTS_MAX, sizeof(*events));

	assert_non_null(events);
	return events;
}

/* Whatever a field can hold. */
static void fill_random(struct capture_event *events, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct capture_event *event = &events[i];
		*event = (struct capture_event) { .time_ns = rnd_wide(),
						  .address = rnd_wide(),
						  .stack = (uint32_t)rnd_wide(),
						  .thread = (uint32_t)rnd_wide(),
						  .kind = (uint8_t)(1 + rnd() % 3),
						  .function = (uint8_t)rnd(),
						  .flags = rnd() & CAPTURE_EVENT_FAILED,
						  .align_log2 = rnd() % 64 };
		if (event->kind != CAPTURE_FREE)
			event->size = rnd_wide();
		if (event->kind == CAPTURE_REALLOC) {
			event->old_address = rnd_wide();
			event->duration_ns = (uint32_t)rnd_wide();
		}
	}
}

#define POOL 512

/* A heap that hands out again what was freed last, with failures, alignments, clocks that go back,
 * and frees of blocks that it never gave out. */
static void fill_realistic(struct capture_event *events, size_t count)
{
	static const uint64_t SIZES[] = { 16, 24, 24, 32, 64, 64, 100, 4096, 1 << 20 };
	uint64_t blocks[POOL] = { 0 }, freed = 0, next = 0x7f0000001000, time = 1000000;

	for (size_t i = 0; i < count; i++) {
		struct capture_event *event = &events[i];
		size_t k = rnd() % POOL, size = rnd() % 9;
		time += rnd() % 500;
		*event = (struct capture_event) { .time_ns = rnd() % 50 ? time : time - 700,
						  .thread = (uint32_t)(1 + (i / 20) % 3),
						  .stack = (uint32_t)(1 + size),
						  .function = (uint8_t)(rnd() % 3) };
		if (blocks[k] && rnd() % 4) {
			event->kind = CAPTURE_FREE;
			event->address = freed = blocks[k];
			event->stack = 0;
			blocks[k] = 0;
			continue;
		}
		event->kind = blocks[k] ? CAPTURE_REALLOC : CAPTURE_ALLOC;
		event->size = SIZES[size];
		if (event->kind == CAPTURE_REALLOC) {
			event->old_address = blocks[k];
			event->duration_ns = (uint32_t)(rnd() % 3000);
		} else if (rnd() % 20 == 0) {
			event->align_log2 = 1 + rnd() % 20;
		}
		if (rnd() % 100 == 0) {
			event->flags = CAPTURE_EVENT_FAILED;
			event->stack = 0;
			continue;
		}
		event->address = event->kind == CAPTURE_REALLOC && rnd() % 2 ? blocks[k]
				 : freed				     ? freed
									     : (next += 0x40);
		freed = 0;
		blocks[k] = event->address;
		if (rnd() % 200 == 0) {
			event->kind = CAPTURE_FREE;
			event->address = 0x5500000000 + rnd() % 4096 * 16;
			event->size = event->old_address = event->duration_ns = 0;
			event->flags = event->align_log2 = 0;
			blocks[k] = 0;
		}
	}
}

static void assert_same(const struct capture_event *a, const struct capture_event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->time_ns, b->time_ns);
	assert_int_equal(a->address, b->address);
	assert_int_equal(a->size, b->size);
	assert_int_equal(a->old_address, b->old_address);
	assert_int_equal(a->stack, b->stack);
	assert_int_equal(a->thread, b->thread);
	assert_int_equal(a->duration_ns, b->duration_ns);
	assert_int_equal(a->function, b->function);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->align_log2, b->align_log2);
}

/* Returns the bytes that an event took, times 100. */
static size_t round_trip(const struct capture_event *events, size_t count)
{
	struct capture_event *found = new_events();
	struct bytes_buffer out = { 0 };
	size_t found_count = 0, size;

	capture_events_encode(&out, events, count);
	assert_false(out.failed);
	/* an allocation of its exact size: a read behind it is seen */
	uint8_t *exact = malloc(out.size);
	memcpy(exact, out.data, out.size);
	assert_int_equal(capture_events_decode(exact, out.size, found, &found_count), 0);
	assert_int_equal(found_count, count);
	for (size_t i = 0; i < count; i++)
		assert_same(&found[i], &events[i]);
	size = out.size;
	free(exact);
	free(found);
	bytes_free(&out);
	return size * 100 / count;
}

static void any_events_come_back(void **state)
{
	static const size_t COUNTS[] = { 1, 2, 3, 100, 1000, CAPTURE_EVENTS_MAX };
	struct capture_event *events = new_events();

	(void)state;
	for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
		seed = i;
		fill_random(events, COUNTS[i]);
		round_trip(events, COUNTS[i]);
	}
	free(events);
}

static void a_heaps_events_come_back_and_are_small(void **state)
{
	static const size_t COUNTS[] = { 1, 7, 1000, CAPTURE_EVENTS_MAX };
	struct capture_event *events = new_events();

	(void)state;
	for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
		seed = 100 + i;
		fill_realistic(events, COUNTS[i]);
		size_t size = round_trip(events, COUNTS[i]);
		if (COUNTS[i] >= 1000)
			assert_true(size < 1200); /* 12 bytes, before zstd, of 56 */
	}
	free(events);
}

static void one_event_of_each_kind_comes_back(void **state)
{
	static const struct capture_event EVENTS[] = {
		{ .kind = CAPTURE_ALLOC, .time_ns = 5, .address = 0x1000, .size = 8, .stack = 1 },
		{ .kind = CAPTURE_ALLOC, .address = UINT64_MAX, .size = UINT64_MAX },
		{ .kind = CAPTURE_ALLOC, .flags = CAPTURE_EVENT_FAILED, .size = 1ULL << 40 },
		{ .kind = CAPTURE_ALLOC, .address = 0x40, .size = 3, .align_log2 = 63 },
		{ .kind = CAPTURE_FREE, .address = 0x1000, .thread = UINT32_MAX },
		{ .kind = CAPTURE_REALLOC, .address = 0x2000, .size = 16, .stack = UINT32_MAX },
		{ .kind = CAPTURE_REALLOC,
		  .flags = CAPTURE_EVENT_FAILED,
		  .old_address = 0x2000,
		  .size = 99,
		  .duration_ns = UINT32_MAX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(EVENTS) / sizeof(EVENTS[0]); i++)
		round_trip(&EVENTS[i], 1);
	round_trip(EVENTS, sizeof(EVENTS) / sizeof(EVENTS[0]));
}

static void time_may_go_back(void **state)
{
	struct capture_event events[] = {
		{ .kind = CAPTURE_FREE, .address = 1, .time_ns = 1000 },
		{ .kind = CAPTURE_FREE, .address = 1, .time_ns = 999 },
		{ .kind = CAPTURE_FREE, .address = 1, .time_ns = 0 },
		{ .kind = CAPTURE_FREE, .address = 1, .time_ns = UINT64_MAX },
		{ .kind = CAPTURE_FREE, .address = 1, .time_ns = 0 },
	};

	(void)state;
	round_trip(events, 5);
}

/* A free finds its allocation among the last 65,536, and neither earlier nor in another payload. */
static void a_block_as_old_as_the_payload_is_freed(void **state)
{
	struct capture_event *events = new_events();

	(void)state;
	for (size_t i = 0; i < CAPTURE_EVENTS_MAX; i++)
		events[i] = (struct capture_event) { .kind = CAPTURE_ALLOC,
						     .address = 0x1000 + i * 16,
						     .size = 16 };
	events[CAPTURE_EVENTS_MAX - 1] = (struct capture_event) { .kind = CAPTURE_FREE,
								  .address = 0x1000 };
	round_trip(events, CAPTURE_EVENTS_MAX);
	free(events);
}

static void one_address_can_be_freed_twice(void **state)
{
	struct capture_event events[] = {
		{ .kind = CAPTURE_ALLOC, .address = 0x1000, .size = 8 },
		{ .kind = CAPTURE_FREE, .address = 0x1000 },
		{ .kind = CAPTURE_FREE, .address = 0x1000 },
		{ .kind = CAPTURE_ALLOC, .address = 0x1000, .size = 8 },
		{ .kind = CAPTURE_ALLOC, .address = 0x1000, .size = 8 },
	};

	(void)state;
	round_trip(events, 5);
}

static size_t encode_some(struct bytes_buffer *out, size_t count)
{
	struct capture_event *events = new_events();

	seed = 7;
	fill_realistic(events, count);
	capture_events_encode(out, events, count);
	free(events);
	return out->size;
}

/* Decodes from an allocation of exactly that size; whatever comes, it is within the maximum. */
static int decode_exact(const uint8_t *data, size_t size, struct capture_event *events)
{
	uint8_t *exact = malloc(size ? size : 1);
	size_t count = 0;

	memcpy(exact, data, size);
	int err = capture_events_decode(exact, size, events, &count);
	if (err)
		assert_int_equal(err, -EBADMSG);
	assert_true(count <= CAPTURE_EVENTS_MAX);
	free(exact);
	return err;
}

static void every_cut_is_refused(void **state)
{
	struct capture_event *events = new_events();
	struct bytes_buffer out = { 0 };

	(void)state;
	encode_some(&out, 60);
	for (size_t size = 0; size < out.size; size++)
		assert_int_equal(decode_exact(out.data, size, events), -EBADMSG);
	bytes_put(&out, "", 1);
	assert_int_equal(decode_exact(out.data, out.size, events), -EBADMSG);
	bytes_free(&out);
	free(events);
}

static void changed_bytes_are_survived(void **state)
{
	struct capture_event *events = new_events();
	struct bytes_buffer out = { 0 };
	size_t refused = 0;

	(void)state;
	encode_some(&out, 40);
	for (size_t bit = 0; bit < out.size * 8; bit++) {
		out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused += decode_exact(out.data, out.size, events) != 0;
		out.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(refused > 0);
	for (int i = 0; i < 3000; i++) {
		struct bytes_buffer copy = { 0 };
		bytes_put(&copy, out.data, out.size);
		for (uint64_t n = 1 + rnd() % 8; n; n--)
			copy.data[rnd() % copy.size] = (uint8_t)rnd();
		decode_exact(copy.data, copy.size, events);
		bytes_free(&copy);
	}
	bytes_free(&out);
	free(events);
}

static void counts_out_of_range_are_refused(void **state)
{
	static const uint64_t COUNTS[] = { 0, CAPTURE_EVENTS_MAX + 1, UINT32_MAX, UINT64_MAX };
	struct capture_event *events = new_events();

	(void)state;
	for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
		struct bytes_buffer out = { 0 };
		bytes_put_varint(&out, COUNTS[i]);
		for (int column = 0; column < 40; column++)
			bytes_put_varint(&out, 0);
		assert_int_equal(decode_exact(out.data, out.size, events), -EBADMSG);
		bytes_free(&out);
	}
	free(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_events_come_back),
		cmocka_unit_test(a_heaps_events_come_back_and_are_small),
		cmocka_unit_test(one_event_of_each_kind_comes_back),
		cmocka_unit_test(time_may_go_back),
		cmocka_unit_test(a_block_as_old_as_the_payload_is_freed),
		cmocka_unit_test(one_address_can_be_freed_twice),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(changed_bytes_are_survived),
		cmocka_unit_test(counts_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
