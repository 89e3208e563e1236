/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the fields of the fixed header are, and what the host key signs of it. */
#ifndef HEAPTRAIL_CAPTURE_HEADER_H
#define HEAPTRAIL_CAPTURE_HEADER_H

#include "capture/format.h"

#include <stddef.h>

/* Offsets in the header. */
enum {
	HEADER_MAGIC = 0,
	HEADER_VERSION = 8,
	HEADER_SUITE = 10,
	HEADER_FLAGS = 12,
	HEADER_CAPTURE_ID = 16,
	HEADER_SERIES_ID = 32,
	HEADER_SEGMENT = 48,
	HEADER_PREVIOUS = 52,
	HEADER_SALT = 84,
	HEADER_COMMITMENT = 116,
	HEADER_HOST_PK = 148,
	HEADER_CAPTURE_PK = 180,
	HEADER_CREATED = 212,
	HEADER_BOOT_ID = 220,
	HEADER_RESERVED = 236,
	HEADER_SIGNED_BYTES = 256,
	HEADER_HOST_SIG = 256,
};

#define HEADER_MESSAGE_BYTES (20 + HEADER_SIGNED_BYTES)

/* What the host key signs: a label, then the header up to the signature. */
void header_message(const uint8_t header[static CAPTURE_HEADER_BYTES],
		    uint8_t message[static HEADER_MESSAGE_BYTES]);

/*
 * Checks magic, version, suite, reserved bytes and the signature, and takes the fields apart. 0;
 * -EBADMSG: not a capture; -ENOTSUP: another version or suite; -EKEYREJECTED: the signature is
 * wrong.
 */
int header_parse(const uint8_t bytes[static CAPTURE_HEADER_BYTES], struct capture_header *header);

/* Where the key slots end and chunks begin, for slots of this many bytes. */
uint64_t header_body_offset(size_t slots_size);

#endif
