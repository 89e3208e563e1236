// SPDX-License-Identifier: GPL-2.0-or-later
/* A whole capture, with its key and without: whoever wrote it had all keys. */
#include "capture/scan.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

static void read_slots(int fd)
{
	static uint8_t bytes[CAPTURE_SLOTS_MAX];
	struct capture_header header;
	const uint8_t *slot;
	struct slots_position at = { 0 };
	struct slots slots;
	size_t size = 0;

	if (capture_header_read(fd, &header) || scan_slots(fd, &header, bytes, &slots))
		return;
	while (slots_next(&slots, SLOT_AGE, &at, &slot, &size) == 0)
		require(slot >= bytes && size <= (size_t)(bytes + sizeof(bytes) - slot));
}

/* Chunks by the index are those that are there. */
static void read_by_index(int fd, const uint8_t *key)
{
	struct capture_reader *reader;
	struct chunk chunk;
	size_t count = 0;

	require(capture_reader_open(fd, key, &reader) == 0);
	int err = capture_reader_index(reader, &chunk);
	if (!err)
		(void)capture_reader_entries(reader, &count);
	for (size_t i = 0; !err && i < count; i++) {
		err = capture_reader_at(reader, i, &chunk);
		require(err || (chunk.sequence == i && chunk.size <= CAPTURE_RAW_MAX));
	}
	capture_reader_free(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t KEY[CAPTURE_KEY_BYTES];
	struct capture_verdict verdict;
	struct capture_reader *reader;
	struct chunk chunk;
	int fd = file_of(data, size), sum = 0;
	uint64_t count = 0;

	read_slots(fd);
	bool is_verified = capture_verify(fd, &verdict) == 0;
	if (is_verified)
		require(verdict.size <= size && memchr(verdict.reason, 0, sizeof(verdict.reason)));
	if (capture_reader_open(fd, KEY, &reader))
		return 0;
	while (capture_reader_next(reader, &chunk) == 1) {
		require(chunk.sequence == count++ && chunk.size <= CAPTURE_RAW_MAX);
		for (size_t i = 0; i < chunk.size; i++)
			sum += chunk.raw[i];
	}
	read_by_index(fd, KEY);
	/* what opens to its end with the key is complete without it, too */
	if (capture_reader_verdict(reader)->state == CAPTURE_COMPLETE)
		require(is_verified && verdict.state == CAPTURE_COMPLETE &&
			verdict.chunks == count);
	capture_reader_free(reader);
	return sum == -1; /* never: the bytes are read */
}
