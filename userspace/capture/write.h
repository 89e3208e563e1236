/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes one sealed capture to a descriptor that it does not own. Each chunk is one write:
 * compressed, encrypted, chained, signed. Whoever holds this object holds the capture's key until
 * it is freed; the key is locked in memory and wiped.
 */
#ifndef HEAPTRAIL_CAPTURE_WRITE_H
#define HEAPTRAIL_CAPTURE_WRITE_H

#include "capture/format.h"

#include "base/bytes.h"

#include <stddef.h>

struct capture_writer;

/* Appends to slot what wraps secret[0..size) for one recipient (an age file). 0 or -errno. */
typedef int capture_wrap(void *recipient, const uint8_t *secret, size_t size,
			 struct bytes_buffer *slot);

/* What is wrapped: a label, the capture's id, its key. */
#define CAPTURE_SECRET_LABEL "heaptrail-key-v1"
#define CAPTURE_SECRET_BYTES (16 + 16 + CAPTURE_KEY_BYTES)

/* Where the file stands, for the audit log and for people. */
struct capture_position {
	uint8_t capture_id[16];
	uint8_t chain[32];
	uint64_t sequence; /* of the last chunk written */
	uint64_t size;	   /* of the file so far */
};

/*
 * Makes the keys and the header, not yet signed; writes nothing. Each of the count recipients gets
 * a slot made by wrap; its error is returned.
 */
int capture_writer_new(int fd, const uint8_t host_pk[static 32], capture_wrap *wrap,
		       void *const *recipients, size_t count, struct capture_writer **writer);

/* The same for the next segment of a series, of which `before` was finished. */
int capture_writer_next(int fd, const struct capture_writer *before, capture_wrap *wrap,
			void *const *recipients, size_t count, struct capture_writer **writer);

/* The header that the host key must sign (its host_sig is zero). Owned by the writer. */
const uint8_t *capture_writer_header(const struct capture_writer *writer);

/* Writes header and key slots at the start of fd and makes them durable. -EBADMSG: wrong signature.
 */
int capture_writer_begin(struct capture_writer *writer, const uint8_t host_sig[static 64]);

/* Appends one chunk; size <= CAPTURE_RAW_MAX. On -ENOSPC or -EIO the file ends where it ended
 * before. */
int capture_writer_append(struct capture_writer *writer, enum chunk_type type, const void *raw,
			  size_t size);

/* Makes what was appended durable (fdatasync). An error stays: what it lost is not known. */
int capture_writer_sync(struct capture_writer *writer);

/*
 * Writes the End chunk, whose payload starts with totals (raw bytes, see capture/end.h) and ends
 * with the index that the writer kept, then the footer; durable on return. Room for it was reserved
 * at the start.
 */
int capture_writer_finish(struct capture_writer *writer, const void *totals, size_t size);

void capture_writer_position(const struct capture_writer *writer,
			     struct capture_position *position);

void capture_writer_free(struct capture_writer *writer);

#endif
