/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The index in a capture's End chunk, behind the totals (docs/capture-format.md): where each chunk
 * is, and the chain after it. Who has verified the End chunk can verify any other by that.
 */
#ifndef HEAPTRAIL_CAPTURE_INDEX_H
#define HEAPTRAIL_CAPTURE_INDEX_H

#include "base/bytes.h"
#include "capture/seal.h"

#include <stddef.h>

struct index_entry {
	enum chunk_type type;
	uint64_t offset; /* in the file */
	size_t cipher_size, raw_size;
	uint8_t chain[SEAL_HASH_BYTES]; /* after it */
};

/* As it is made: of the first chunks, as many as an End chunk holds. */
struct index_writer {
	struct bytes_buffer entries, chains;
	uint64_t count;
};

void index_add(struct index_writer *index, const struct index_entry *entry);

/* Bytes that it takes in the End chunk, about. */
size_t index_size(const struct index_writer *index);
void index_put(struct bytes_buffer *out, const struct index_writer *index);
void index_free(struct index_writer *index);

/*
 * From behind the totals to the payload's end. *entries: the caller frees them. 0; -ENODATA: there
 * are no chains, as earlier recorders wrote none; -EBADMSG; -ENOMEM.
 */
int index_get(struct bytes_reader *in, struct index_entry **entries, size_t *count);

#endif
