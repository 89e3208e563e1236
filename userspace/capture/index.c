// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAX  40	       /* bytes */
#define TOTALS_MAX (64u << 10) /* what an End chunk holds beside it */
#define INDEX_MAX  (CAPTURE_RAW_MAX - TOTALS_MAX)

size_t index_size(const struct index_writer *index)
{
	return index->entries.size + index->chains.size;
}

void index_add(struct index_writer *index, const struct index_entry *entry)
{
	struct bytes_buffer *out = &index->entries;

	if (index_size(index) + ENTRY_MAX + SEAL_HASH_BYTES > INDEX_MAX ||
	    !bytes_reserve(out, ENTRY_MAX) || !bytes_reserve(&index->chains, SEAL_HASH_BYTES))
		return;
	bytes_put_varint(out, entry->type);
	bytes_put_varint(out, entry->offset);
	bytes_put_varint(out, entry->cipher_size);
	bytes_put_varint(out, entry->raw_size);
	bytes_put(&index->chains, entry->chain, SEAL_HASH_BYTES);
	index->count++;
}

void index_put(struct bytes_buffer *out, const struct index_writer *index)
{
	bytes_put_varint(out, index->count);
	bytes_put(out, index->entries.data, index->entries.size);
	bytes_put(out, index->chains.data, index->chains.size);
}

void index_free(struct index_writer *index)
{
	bytes_free(&index->entries);
	bytes_free(&index->chains);
}

static void get_entry(struct bytes_reader *in, struct index_entry *entry)
{
	uint64_t type = bytes_get_varint(in);

	entry->offset = bytes_get_varint(in);
	uint64_t cipher_size = bytes_get_varint(in), raw_size = bytes_get_varint(in);
	in->failed |= type > UINT8_MAX || entry->offset > INT64_MAX ||
		      cipher_size < SEAL_TAG_BYTES || cipher_size > CAPTURE_CIPHER_MAX ||
		      raw_size > CAPTURE_RAW_MAX;
	entry->type = (enum chunk_type)type;
	entry->cipher_size = (size_t)cipher_size;
	entry->raw_size = (size_t)raw_size;
}

int index_get(struct bytes_reader *in, struct index_entry **out, size_t *count)
{
	uint64_t wanted = bytes_get_varint(in);
	struct index_entry *entries;

	if (in->failed || wanted > bytes_left(in))
		return -EBADMSG;
	entries = calloc((size_t)wanted + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (uint64_t i = 0; i < wanted; i++)
		get_entry(in, &entries[i]);
	bool has_chains = !in->failed && bytes_left(in) == wanted * SEAL_HASH_BYTES;
	for (uint64_t i = 0; has_chains && i < wanted; i++)
		memcpy(entries[i].chain, bytes_get(in, SEAL_HASH_BYTES), SEAL_HASH_BYTES);
	if (has_chains) {
		*out = entries;
		*count = (size_t)wanted;
		return 0;
	}
	free(entries);
	return in->failed || bytes_left(in) ? -EBADMSG : -ENODATA;
}
