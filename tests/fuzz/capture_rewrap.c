// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Other key slots for a capture, whose header and slots are the bytes; the first one says what is
 * kept, and what comes new. What is kept stays the same, and chunks where they are.
 */
#include "capture/header.h"
#include "capture/read.h"
#include "capture/rewrap.h"
#include "capture/scan.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

#include <sys/stat.h>

#define NEW_MAX 7

static int wrap(void *recipient, const uint8_t *secret, size_t size, struct bytes_buffer *slot)
{
	for (uint8_t i = 0; i < *(const uint8_t *)recipient; i++)
		bytes_put(slot, secret, size);
	return 0;
}

static void sign(void *context, const void *message, size_t size, uint8_t signature[static 64])
{
	(void)context, (void)message, (void)size;
	memset(signature, 1, 64);
}

/* How many slots somebody has. */
static size_t count_slots(const struct slots *slots)
{
	struct slots_position at = { 0 };
	const uint8_t *slot;
	size_t size, count = 0;

	while (slots_next(slots, SLOT_AGE, &at, &slot, &size) == 0)
		count++;
	return count;
}

static void check_kept(const struct slots *before, const struct slots *after)
{
	struct slots_position at = { 0 }, at_again = { 0 };
	const uint8_t *slot, *again;
	size_t size, size_again;

	while (slots_next(before, SLOT_AGE, &at, &slot, &size) == 0) {
		require(slots_next(after, SLOT_AGE, &at_again, &again, &size_again) == 0);
		require(size == size_again && memcmp(slot, again, size) == 0);
	}
}

static void check(int fd, int out, const struct rewrap *rewrap, const struct capture_header *header,
		  uint64_t body)
{
	static uint8_t bytes[2][CAPTURE_SLOTS_MAX];
	struct slots before, after;
	struct stat st;

	require(fstat(out, &st) == 0 && (uint64_t)st.st_size == body);
	require(scan_slots(fd, header, bytes[0], &before) == 0);
	require(scan_slots(out, header, bytes[1], &after) == 0);
	require(header_body_offset(before.size) == body && header_body_offset(after.size) == body);
	require(count_slots(&after) == (rewrap->keeps ? count_slots(&before) : 0) + rewrap->count);
	if (rewrap->keeps)
		check_kept(&before, &after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t KEY[CAPTURE_KEY_BYTES];
	static uint8_t repeats[NEW_MAX] = { 1, 2, 0, 7, 30, 1, 100 };
	static int out = -1;
	struct rewrap_slot slots[NEW_MAX];
	struct capture_header header;
	uint8_t what = take_byte(&data, &size);
	struct rewrap rewrap = { .key = KEY,
				 .keeps = what & 1,
				 .slots = slots,
				 .count = (what >> 1) % (NEW_MAX + 1),
				 .signer = { .public_key = header.host_pk, .sign = sign } };
	int fd = file_of(data, size);
	uint64_t body = 0;

	if (out < 0)
		out = memfd_create("output", MFD_CLOEXEC);
	require(out >= 0 && ftruncate(out, 0) == 0);
	for (size_t i = 0; i < NEW_MAX; i++)
		slots[i] = (struct rewrap_slot) { SLOT_AGE, wrap, &repeats[i] };
	if (capture_header_read(fd, &header) == 0 &&
	    capture_rewrap(fd, &header, &rewrap, out, &body) == 0)
		check(fd, out, &rewrap, &header, body);
	return 0;
}
