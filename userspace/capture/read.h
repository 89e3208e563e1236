/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a capture from front to back. Every byte is hostile until its signature and its tag agree.
 */
#ifndef HEAPTRAIL_CAPTURE_READ_H
#define HEAPTRAIL_CAPTURE_READ_H

#include "capture/format.h"
#include "capture/index.h"

#include <stddef.h>

/*
 * The fixed header, its signature checked. 0; -ENODATA: shorter than a header; -EBADMSG: not a
 * capture; -ENOTSUP: another version or suite; -EKEYREJECTED: the signature is wrong; -EISDIR and
 * other read errors.
 */
int capture_header_read(int fd, struct capture_header *header);

/* What verification found, without any key. */
struct capture_verdict {
	enum capture_state state;
	uint64_t chunks;   /* valid ones */
	uint64_t size;	   /* bytes up to the end of the last valid chunk */
	uint8_t chain[32]; /* after that chunk: no other and no shorter capture has it */
	char reason[160];  /* "complete", or why not, in words */
};

int capture_verify(int fd, struct capture_verdict *verdict);

struct capture_reader;

struct chunk {
	enum chunk_type type;
	uint64_t sequence;
	const uint8_t *raw; /* valid until the next call */
	size_t size;
};

/* -EKEYREJECTED: the key does not belong to this capture (the commitment differs). */
int capture_reader_open(int fd, const uint8_t key[static CAPTURE_KEY_BYTES],
			struct capture_reader **reader);

/* 1 and a chunk; 0 at the end, whether complete or cut: ask the verdict; -EBADMSG: tampered. */
int capture_reader_next(struct capture_reader *reader, struct chunk *chunk);

/*
 * Instead of from front to back: the End chunk first, and by its index any other. 0 and the End
 * chunk; -ENODATA: nothing tells where all chunks are (it is incomplete, or has more of them than
 * an index holds, or an earlier recorder made it); -EBADMSG. The verdict says how many chunks were
 * verified: all of them, or it does not say "complete" alone.
 */
int capture_reader_index(struct capture_reader *reader, struct chunk *end);

/* What the index tells of: all chunks but the End chunk, by sequence. */
const struct index_entry *capture_reader_entries(const struct capture_reader *reader,
						 size_t *count);

/* One of them, once each. 0; -EBADMSG: it is not what was written. check does not decrypt it. */
int capture_reader_at(struct capture_reader *reader, uint64_t sequence, struct chunk *chunk);
int capture_reader_check(struct capture_reader *reader, uint64_t sequence);

/* Final after capture_reader_next() returned 0 or an error. */
const struct capture_verdict *capture_reader_verdict(const struct capture_reader *reader);

void capture_reader_free(struct capture_reader *reader);

#endif
