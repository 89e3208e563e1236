/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk over a capture's chunks that verification without a key and reading with one share: it
 * finds the next chunk and checks its place in the chain and its signature; it decrypts nothing.
 */
#ifndef HEAPTRAIL_CAPTURE_SCAN_H
#define HEAPTRAIL_CAPTURE_SCAN_H

#include "capture/read.h"
#include "capture/seal.h"
#include "capture/slots.h"

struct scanner {
	int fd;
	uint64_t file_size;
	uint64_t offset; /* of the next chunk */
	uint64_t sequence;
	uint64_t end_offset;		     /* of the last accepted chunk */
	uint8_t chain[SEAL_HASH_BYTES];	     /* before the next chunk */
	uint8_t next_chain[SEAL_HASH_BYTES]; /* after it */
	uint8_t header[CHUNK_HEADER_BYTES];
	uint8_t *cipher; /* and the signature behind it */
	size_t cipher_size, raw_size, capacity;
	enum chunk_type type;
	struct capture_header capture;
	const struct seal_keys *keys; /* NULL: verification without a key */
	struct capture_verdict verdict;
};

/* The slots region into bytes[CAPTURE_SLOTS_MAX]; padding and chunks may follow in it. slots: views
 * into bytes. */
int scan_slots(int fd, const struct capture_header *header, uint8_t *bytes, struct slots *slots);

/* keys: borrowed, or NULL. On any error, too, scanner_close() is allowed. */
int scanner_open(struct scanner *scanner, int fd, const struct seal_keys *keys,
		 const struct capture_header *header);

/*
 * 1: a chunk is in the scanner, not yet accepted; 0: the end, see the verdict; -EBADMSG: tampered;
 * other errors of reading.
 */
int scanner_next(struct scanner *scanner);

/* The chunk is valid: goes behind it. */
void scanner_accept(struct scanner *scanner);

/* After the End chunk was accepted: the footer that names it, and nothing else. 0 or -errno. */
int scanner_finish(struct scanner *scanner);

/* Room for so many bytes in cipher. 0 or -ENOMEM. */
int scanner_grow(struct scanner *scanner, size_t size);

/* Concludes that the chunk at hand is not what was written. Returns -EBADMSG. */
int scanner_tampered(struct scanner *scanner, const char *what);

void scanner_close(struct scanner *scanner);

#endif
