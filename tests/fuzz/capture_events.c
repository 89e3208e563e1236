// SPDX-License-Identifier: GPL-2.0-or-later
/* The payload of an EVENTS chunk: what is read is written and read again as the same. */
#include "capture/events.h"
#include "tests/fuzz/fuzz.h"

static struct capture_event events[CAPTURE_EVENTS_MAX], again[CAPTURE_EVENTS_MAX];

static bool are_same(const struct capture_event *a, const struct capture_event *b)
{
	return a->time_ns == b->time_ns && a->address == b->address && a->size == b->size &&
	       a->old_address == b->old_address && a->stack == b->stack && a->thread == b->thread &&
	       a->duration_ns == b->duration_ns && a->kind == b->kind &&
	       a->function == b->function && a->flags == b->flags && a->align_log2 == b->align_log2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes_buffer out = { 0 };
	size_t count, count_again;

	if (capture_events_decode(data, size, events, &count))
		return 0;
	capture_events_encode(&out, events, count);
	require(!out.failed);
	require(capture_events_decode(out.data, out.size, again, &count_again) == 0);
	require(count_again == count);
	for (size_t i = 0; i < count; i++)
		require(are_same(&events[i], &again[i]));
	bytes_free(&out);
	return 0;
}
