/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What reading from front to back and reading by the index share. */
#ifndef HEAPTRAIL_CAPTURE_READER_H
#define HEAPTRAIL_CAPTURE_READER_H

#include "capture/compress.h"
#include "capture/index.h"
#include "capture/read.h"
#include "capture/scan.h"

struct capture_reader {
	struct scanner scanner;
	struct seal_keys keys;
	struct compressor *compressor;
	uint8_t *raw;
	size_t raw_capacity;
	bool is_ended;
	int error;		     /* what ended it; 0: its end */
	struct index_entry *entries; /* NULL: the index was not read */
	size_t entry_count;
	uint8_t first_chain[SEAL_HASH_BYTES]; /* before the first chunk */
};

/* Room for so many bytes in raw. 0 or -ENOMEM. */
int reader_grow(struct capture_reader *reader, size_t size);

/* Decrypts and unpacks what is in the scanner, into raw. 0, or -EBADMSG and a verdict, -ENOMEM. */
int reader_unpack(struct capture_reader *reader);

#endif
