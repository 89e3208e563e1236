// SPDX-License-Identifier: GPL-2.0-or-later
/* A whole capture, with its key and without: whoever wrote it had all keys. */
#include "capture/read.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

static void read_slots(int fd)
{
	static uint8_t slot[CAPTURE_SLOTS_MAX];
	struct capture_header header;
	size_t size = 0;

	if (capture_header_read(fd, &header))
		return;
	for (size_t i = 0; capture_slot_read(fd, &header, i, slot, &size) == 0; i++)
		require(size <= sizeof(slot));
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
	/* what opens to its end with the key is complete without it, too */
	if (capture_reader_verdict(reader)->state == CAPTURE_COMPLETE)
		require(is_verified && verdict.state == CAPTURE_COMPLETE &&
			verdict.chunks == count);
	capture_reader_free(reader);
	return sum == -1; /* never: the bytes are read */
}
