// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/lines.h"

#include "base/io.h"

#include <sodium.h>
#include <string.h>

#define BLOCK_BYTES 16384

struct reading {
	int (*visit)(void *context, const struct audit_line *line);
	void *context;
	char text[AUDIT_LINE_MAX];
	uint64_t size; /* of the line so far, all of it */
	crypto_hash_sha256_state hash;
};

static void add(struct reading *reading, const char *bytes, size_t size)
{
	if (reading->size < sizeof(reading->text)) {
		size_t room = sizeof(reading->text) - (size_t)reading->size;
		memcpy(reading->text + reading->size, bytes, size < room ? size : room);
	}
	reading->size += size;
	crypto_hash_sha256_update(&reading->hash, (const uint8_t *)bytes, size);
}

static int finish(struct reading *reading, bool is_finished)
{
	struct audit_line line = { .text = reading->text,
				   .size = reading->size,
				   .is_finished = is_finished };

	line.kept = reading->size < sizeof(reading->text) ? (size_t)reading->size
							  : sizeof(reading->text);
	line.is_record = line.kept == line.size && audit_record_is(line.text, line.kept);
	if (line.is_record)
		crypto_hash_sha256_update(&reading->hash, (const uint8_t *)"\n", 1);
	crypto_hash_sha256_final(&reading->hash, line.hash);
	crypto_hash_sha256_init(&reading->hash);
	reading->size = 0;
	return reading->visit(reading->context, &line);
}

static int feed(struct reading *reading, const char *bytes, size_t size)
{
	int result = 0;

	while (size && !result) {
		const char *newline = memchr(bytes, '\n', size);
		size_t n = newline ? (size_t)(newline - bytes) : size;

		add(reading, bytes, n);
		if (newline) {
			result = finish(reading, true);
			n++;
		}
		bytes += n;
		size -= n;
	}
	return result;
}

int audit_lines_read(int fd, uint64_t from, uint64_t to,
		     int (*visit)(void *context, const struct audit_line *line), void *context)
{
	struct reading reading = { .visit = visit, .context = context };
	char block[BLOCK_BYTES];
	int result = 0;

	crypto_hash_sha256_init(&reading.hash);
	while (!result && from < to) {
		size_t take = to - from < sizeof(block) ? (size_t)(to - from) : sizeof(block);
		result = io_pread(fd, block, take, (off_t)from);
		if (!result)
			result = feed(&reading, block, take);
		from += take;
	}
	return !result && reading.size ? finish(&reading, false) : result;
}
