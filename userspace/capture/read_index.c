// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading by the index: the End chunk first, then what is wanted. The End chunk is decrypted before
 * its signature is checked, since the chain that is signed is in it: until then the key alone has
 * vouched for it. Every other chunk is compared with the chain that the End chunk names for it.
 */
#include "base/io.h"
#include "capture/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A chunk, which is as large as the entry says, into the scanner. 0 or a read error. */
static int load(struct capture_reader *reader, const struct index_entry *entry)
{
	struct scanner *scanner = &reader->scanner;
	size_t size = entry->cipher_size + SEAL_SIGN_BYTES;
	int err = scanner_grow(scanner, size);

	if (!err)
		err = io_pread(scanner->fd, scanner->header, CHUNK_HEADER_BYTES,
			       (off_t)entry->offset);
	if (!err)
		err = io_pread(scanner->fd, scanner->cipher, size,
			       (off_t)(entry->offset + CHUNK_HEADER_BYTES));
	scanner->type = entry->type;
	scanner->cipher_size = entry->cipher_size;
	scanner->raw_size = entry->raw_size;
	return err;
}

static const uint8_t *chain_before(const struct capture_reader *reader, uint64_t sequence)
{
	return sequence ? reader->entries[sequence - 1].chain : reader->first_chain;
}

/* Is what is in the scanner the chunk that was written there? chain: after it. */
static bool is_written(const struct capture_reader *reader, uint64_t sequence,
		       const struct index_entry *entry, uint8_t chain[static SEAL_HASH_BYTES])
{
	const struct scanner *scanner = &reader->scanner;
	struct bytes_reader header = bytes_reader_on(scanner->header, CHUNK_HEADER_BYTES);
	const uint8_t *before = chain_before(reader, sequence);
	bool is_it = memcmp(bytes_get(&header, 4), CHUNK_MAGIC, 4) == 0;
	uint8_t tag[16];

	is_it &= bytes_get_u8(&header) == entry->type;
	is_it &= bytes_get_u8(&header) == 0; /* flags */
	bytes_get_u16(&header);		     /* the attempt */
	is_it &= bytes_get_u64(&header) == sequence;
	is_it &= bytes_get_u32(&header) == entry->cipher_size;
	is_it &= bytes_get_u32(&header) == entry->raw_size;
	is_it &= bytes_get_u64(&header) <= sequence; /* durable */
	seal_htag(&reader->keys, before, scanner->header, tag);
	if (!is_it || sodium_memcmp(tag, scanner->header + CHUNK_HTAG, sizeof(tag)))
		return false;
	memcpy(chain, before, SEAL_HASH_BYTES);
	seal_chain_step(chain, scanner->header, scanner->cipher, scanner->cipher_size);
	return seal_check_chunk(scanner->capture.capture_pk, scanner->capture.capture_id, sequence,
				chain, scanner->cipher + scanner->cipher_size) == 0;
}

/* Where the footer says that the End chunk is. Its type and its sizes are in *entry. */
static int find_end(struct capture_reader *reader, struct index_entry *entry)
{
	struct scanner *scanner = &reader->scanner;
	uint8_t footer[FOOTER_BYTES], header[CHUNK_HEADER_BYTES];
	struct bytes_reader in = bytes_reader_on(footer, 8);
	struct bytes_reader sizes = bytes_reader_on(header + CHUNK_CIPHER_SIZE, 8);
	uint64_t room, least = CHUNK_HEADER_BYTES + SEAL_TAG_BYTES + SEAL_SIGN_BYTES + FOOTER_BYTES;

	if (scanner->file_size < scanner->offset + least)
		return -ENODATA;
	int err = io_pread(scanner->fd, footer, sizeof(footer),
			   (off_t)(scanner->file_size - FOOTER_BYTES));
	if (err || memcmp(footer + 8, FOOTER_MAGIC, 8) != 0)
		return err ? err : -ENODATA;
	entry->offset = bytes_get_u64(&in);
	if (entry->offset < scanner->offset || entry->offset > scanner->file_size - least)
		return -EBADMSG;
	err = io_pread(scanner->fd, header, sizeof(header), (off_t)entry->offset);
	if (err)
		return err;
	room = scanner->file_size - FOOTER_BYTES - SEAL_SIGN_BYTES - CHUNK_HEADER_BYTES -
	       entry->offset;
	entry->type = CHUNK_END;
	entry->cipher_size = bytes_get_u32(&sizes);
	entry->raw_size = bytes_get_u32(&sizes);
	return entry->cipher_size == room && room <= CAPTURE_CIPHER_MAX &&
			       entry->raw_size <= CAPTURE_RAW_MAX
		       ? 0
		       : -EBADMSG;
}

/* One chunk after the other, from the first to the End chunk, and each has a place. */
static bool covers_all(const struct capture_reader *reader, uint64_t begin, uint64_t end)
{
	for (size_t i = 0; i < reader->entry_count; i++) {
		const struct index_entry *entry = &reader->entries[i];
		if (entry->offset != begin || entry->type == CHUNK_END)
			return false;
		begin += CHUNK_HEADER_BYTES + entry->cipher_size + SEAL_SIGN_BYTES;
	}
	return begin == end;
}

/* Decrypted and unpacked, with the ciphertext kept for the chain. */
static int open_end(struct capture_reader *reader)
{
	struct scanner *scanner = &reader->scanner;
	uint8_t *plain = malloc(scanner->cipher_size);
	int err = plain ? reader_grow(reader, scanner->raw_size) : -ENOMEM;

	if (!err)
		err = seal_decrypt(&reader->keys, scanner->header, scanner->cipher,
				   scanner->cipher_size, plain);
	if (!err)
		err = compress_unpack(reader->compressor, plain,
				      scanner->cipher_size - SEAL_TAG_BYTES, reader->raw,
				      scanner->raw_size);
	free(plain);
	return err;
}

/* What is behind the totals. */
static int take_index(struct capture_reader *reader)
{
	struct bytes_reader in = bytes_reader_on(reader->raw, reader->scanner.raw_size);
	uint64_t totals = bytes_get_varint(&in);

	if (in.failed || totals > bytes_left(&in))
		return -EBADMSG;
	(void)bytes_get(&in, (size_t)totals);
	return index_get(&in, &reader->entries, &reader->entry_count);
}

static void count_verified(struct capture_reader *reader)
{
	struct capture_verdict *verdict = &reader->scanner.verdict;
	uint64_t all = reader->entry_count + 1;

	verdict->chunks++;
	verdict->state = CAPTURE_COMPLETE;
	verdict->size = reader->scanner.file_size;
	if (verdict->chunks < all)
		snprintf(verdict->reason, sizeof(verdict->reason),
			 "complete by its index; %" PRIu64 " of %" PRIu64 " chunks were verified",
			 verdict->chunks, all);
	else
		snprintf(verdict->reason, sizeof(verdict->reason), "complete");
}

int capture_reader_index(struct capture_reader *reader, struct chunk *end)
{
	struct scanner *scanner = &reader->scanner;
	struct index_entry entry = { 0 };
	uint8_t chain[SEAL_HASH_BYTES];
	int err = find_end(reader, &entry);

	if (!err)
		err = load(reader, &entry);
	if (!err)
		err = open_end(reader);
	if (!err)
		err = take_index(reader);
	/* whether it is the one that was signed only it can tell */
	if (!err && (!covers_all(reader, scanner->offset, entry.offset) ||
		     !is_written(reader, reader->entry_count, &entry, chain)))
		err = -EBADMSG;
	if (err)
		return err;
	count_verified(reader);
	*end = (struct chunk) { .type = CHUNK_END,
				.sequence = reader->entry_count,
				.raw = reader->raw,
				.size = scanner->raw_size };
	return 0;
}

const struct index_entry *capture_reader_entries(const struct capture_reader *reader, size_t *count)
{
	*count = reader->entry_count;
	return reader->entries;
}

int capture_reader_check(struct capture_reader *reader, uint64_t sequence)
{
	const struct index_entry *entry = &reader->entries[sequence];
	uint8_t chain[SEAL_HASH_BYTES];
	int err = load(reader, entry);

	if (err)
		return err;
	if (!is_written(reader, sequence, entry, chain) ||
	    memcmp(chain, entry->chain, sizeof(chain)) != 0)
		return -EBADMSG;
	count_verified(reader);
	return 0;
}

int capture_reader_at(struct capture_reader *reader, uint64_t sequence, struct chunk *chunk)
{
	int err = capture_reader_check(reader, sequence);

	if (!err)
		err = reader_unpack(reader);
	*chunk = (struct chunk) { .type = reader->scanner.type,
				  .sequence = sequence,
				  .raw = reader->raw,
				  .size = reader->scanner.raw_size };
	return err;
}
