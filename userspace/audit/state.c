// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/state.h"

#include "base/bytes.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

/*
 * Layout, little endian, in one sector, which disks write whole or not at all:
 *
 *	magic "HTAUDIT1"  segment u64  sequence u64  size u64  previous[32]  failed u64 auditors[16]
 *MAC key[32] seed[32] BLAKE2b-128 of all that
 */
#define EXTENT_BYTES (8 + 3 * 8 + AUDIT_HASH_BYTES)
#define BODY_BYTES   (EXTENT_BYTES + 8 + 16 + AUDIT_KEY_BYTES + 32)
#define SUM_BYTES    16
#define STATE_BYTES  (BODY_BYTES + SUM_BYTES)

static const char MAGIC[8] = "HTAUDIT1";

_Static_assert(STATE_BYTES <= 512, "a state fits into a sector");

int audit_state_open(int directory, const char *name, bool create)
{
	int fd = openat(directory, name,
			O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0),
			0600);

	return fd < 0 ? -errno : fd;
}

static int read_bytes(int fd, uint8_t bytes[static STATE_BYTES])
{
	uint8_t sum[SUM_BYTES];
	ssize_t n = pread(fd, bytes, STATE_BYTES, 0);

	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENODATA;
	if (n != STATE_BYTES || memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0)
		return -EBADMSG;
	crypto_generichash(sum, sizeof(sum), bytes, BODY_BYTES, NULL, 0);
	return memcmp(sum, bytes + BODY_BYTES, sizeof(sum)) == 0 ? 0 : -EBADMSG;
}

static void parse_extent(struct bytes_reader *reader, struct audit_extent *extent)
{
	bytes_get(reader, sizeof(MAGIC));
	extent->segment = bytes_get_le(reader, 8);
	extent->sequence = bytes_get_le(reader, 8);
	extent->size = bytes_get_le(reader, 8);
	memcpy(extent->previous, bytes_get(reader, AUDIT_HASH_BYTES), AUDIT_HASH_BYTES);
}

int audit_state_read_extent(int fd, struct audit_extent *extent)
{
	uint8_t bytes[STATE_BYTES];
	int err = read_bytes(fd, bytes);

	if (!err) {
		struct bytes_reader reader = bytes_reader_on(bytes, EXTENT_BYTES);
		parse_extent(&reader, extent);
	}
	sodium_memzero(bytes, sizeof(bytes));
	return err;
}

int audit_state_read(int fd, struct audit_state *state)
{
	uint8_t bytes[STATE_BYTES];
	struct audit_extent extent;
	int err = read_bytes(fd, bytes);

	if (!err) {
		struct bytes_reader reader = bytes_reader_on(bytes, BODY_BYTES);
		parse_extent(&reader, &extent);
		*state = (struct audit_state) { .next = { .segment = extent.segment,
							  .sequence = extent.sequence },
						.size = extent.size };
		memcpy(state->next.previous, extent.previous, AUDIT_HASH_BYTES);
		state->is_failed = bytes_get_le(&reader, 8) != 0;
		memcpy(state->auditors, bytes_get(&reader, sizeof(state->auditors)),
		       sizeof(state->auditors));
		memcpy(state->next.key, bytes_get(&reader, AUDIT_KEY_BYTES), AUDIT_KEY_BYTES);
		memcpy(state->seed, bytes_get(&reader, sizeof(state->seed)), sizeof(state->seed));
	}
	sodium_memzero(bytes, sizeof(bytes));
	return err;
}

int audit_state_write(int fd, const struct audit_state *state)
{
	uint8_t bytes[STATE_BYTES];
	uint8_t *at = mempcpy(bytes, MAGIC, sizeof(MAGIC));

	at = bytes_store_u64(at, state->next.segment);
	at = bytes_store_u64(at, state->next.sequence);
	at = bytes_store_u64(at, state->size);
	at = mempcpy(at, state->next.previous, AUDIT_HASH_BYTES);
	at = bytes_store_u64(at, state->is_failed);
	at = mempcpy(at, state->auditors, sizeof(state->auditors));
	at = mempcpy(at, state->next.key, AUDIT_KEY_BYTES);
	at = mempcpy(at, state->seed, sizeof(state->seed));
	crypto_generichash(at, SUM_BYTES, bytes, BODY_BYTES, NULL, 0);
	int err = io_pwrite(fd, bytes, sizeof(bytes), 0);
	sodium_memzero(bytes, sizeof(bytes));
	return err;
}

int audit_state_wipe(int fd)
{
	static const uint8_t ZEROS[STATE_BYTES];
	int err = io_pwrite(fd, ZEROS, sizeof(ZEROS), 0);

	return err ? err : fdatasync(fd) ? -errno : 0;
}
