// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One walk serves verification without a key and reading with one: the scanner finds the next
 * chunk, checks its place in the chain and its signature; the reader then decrypts what the scanner
 * has accepted.
 */
#include "capture/read.h"

#include "base/bytes.h"
#include "base/io.h"
#include "capture/compress.h"
#include "capture/header.h"
#include "capture/seal.h"
#include "capture/slots.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOOTER_BYTES 16

struct scanner {
	int fd;
	uint64_t file_size;
	uint64_t offset; /* of the next chunk */
	uint64_t sequence;
	uint64_t durable; /* chunks below this one were on disk when a later one was written */
	uint8_t chain[SEAL_HASH_BYTES]; /* before the next chunk */
	uint8_t header[CHUNK_HEADER_BYTES];
	uint8_t *cipher; /* and the signature behind it */
	size_t cipher_size, raw_size, capacity;
	enum chunk_type type;
	struct capture_header capture;
	const struct seal_keys *keys; /* NULL: verification without a key */
	struct capture_verdict verdict;
};

int capture_header_read(int fd, struct capture_header *header)
{
	uint8_t bytes[CAPTURE_HEADER_BYTES];
	struct stat st;

	if (sodium_init() < 0)
		return -ENOSYS;
	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	int err = io_pread(fd, bytes, sizeof(bytes), 0);
	return err ? err : header_parse(bytes, header);
}

/* The slots region into bytes[CAPTURE_SLOTS_MAX]; padding and chunks may follow in it. */
static int read_slots(int fd, const struct capture_header *header, uint8_t *bytes,
		      struct slots *slots)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size <= CAPTURE_HEADER_BYTES)
		return -ENODATA;
	size_t size = (size_t)st.st_size - CAPTURE_HEADER_BYTES;
	if (size > CAPTURE_SLOTS_MAX)
		size = CAPTURE_SLOTS_MAX;
	int err = io_pread(fd, bytes, size, CAPTURE_HEADER_BYTES);
	return err ? err : slots_parse(slots, bytes, size, header);
}

int capture_slot_read(int fd, const struct capture_header *header, size_t i,
		      uint8_t slot[static CAPTURE_SLOTS_MAX], size_t *size)
{
	uint8_t *bytes = malloc(CAPTURE_SLOTS_MAX);
	const uint8_t *found;
	struct slots slots;
	int err = bytes ? read_slots(fd, header, bytes, &slots) : -ENOMEM;

	if (!err)
		err = slots_get(&slots, SLOT_AGE, i, &found, size);
	if (!err)
		memcpy(slot, found, *size);
	free(bytes);
	return err;
}

__attribute__((format(printf, 3, 4))) static int
conclude(struct scanner *scanner, enum capture_state state, const char *format, ...)
{
	va_list args;

	scanner->verdict.state = state;
	va_start(args, format);
	vsnprintf(scanner->verdict.reason, sizeof(scanner->verdict.reason), format, args);
	va_end(args);
	return state == CAPTURE_TAMPERED ? -EBADMSG : 0;
}

/* A tail that cannot be read as a chunk: a crash tears only what was not yet known to be on disk.
 */
static int conclude_torn(struct scanner *scanner, const char *what)
{
	if (scanner->sequence < scanner->durable)
		return conclude(scanner, CAPTURE_TAMPERED,
				"chunk %" PRIu64 " is damaged (%s) although it was safely on disk",
				scanner->sequence, what);
	return conclude(scanner, CAPTURE_INCOMPLETE,
			"ends after %" PRIu64
			" chunks (%s): the recorder was killed, or the file was cut",
			scanner->sequence, what);
}

static int conclude_tampered(struct scanner *scanner, const char *what)
{
	return conclude(scanner, CAPTURE_TAMPERED, "chunk %" PRIu64 ": %s", scanner->sequence,
			what);
}

/* Blocks that a crash allocated but never filled read as zeros. */
static bool is_zero_tail(struct scanner *scanner)
{
	uint8_t block[4096];

	for (uint64_t at = scanner->offset; at < scanner->file_size; at += sizeof(block)) {
		uint64_t left = scanner->file_size - at;
		size_t size = left < sizeof(block) ? (size_t)left : sizeof(block);
		if (io_pread(scanner->fd, block, size, (off_t)at) || !sodium_is_zero(block, size))
			return false;
	}
	return true;
}

static int scanner_open(struct scanner *scanner, int fd, const struct seal_keys *keys,
			const struct capture_header *header)
{
	uint8_t *bytes = malloc(CAPTURE_SLOTS_MAX);
	struct slots slots;
	struct stat st;
	int err = bytes ? read_slots(fd, header, bytes, &slots) : -ENOMEM;

	*scanner = (struct scanner) { .fd = fd, .keys = keys, .capture = *header };
	if (!err && keys)
		err = slots_check(&slots, keys);
	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err) {
		uint64_t body = header_body_offset(slots.size);
		uint64_t used = CAPTURE_HEADER_BYTES + slots.size;
		scanner->file_size = (uint64_t)st.st_size;
		scanner->offset = body;
		scanner->verdict.size = body;
		seal_chain_start(scanner->chain, header->bytes);
		if (body > scanner->file_size)
			err = -ENODATA;
		else if (io_pread(fd, bytes, body - used, (off_t)used) ||
			 !sodium_is_zero(bytes, body - used))
			err = -EBADMSG;
	}
	free(bytes);
	return err;
}

/* The fields of a chunk's header. 0, or a conclusion through *done. */
static int check_header(struct scanner *scanner, bool *done)
{
	struct bytes_reader reader = bytes_reader_on(scanner->header + 4, CHUNK_HEADER_BYTES - 4);
	uint8_t tag[16];

	*done = true;
	scanner->type = bytes_get_u8(&reader);
	uint64_t flags = bytes_get_le(&reader, 3);
	uint64_t sequence = bytes_get_u64(&reader);
	scanner->cipher_size = bytes_get_u32(&reader);
	scanner->raw_size = bytes_get_u32(&reader);
	uint64_t durable = bytes_get_u64(&reader);
	if (memcmp(scanner->header, "HTCK", 4) != 0) {
		if (is_zero_tail(scanner))
			return conclude_torn(scanner, "only zeros follow");
		return conclude_tampered(scanner, "does not begin like a chunk");
	}
	if (scanner->keys) {
		seal_htag(scanner->keys, scanner->chain, scanner->header, tag);
		if (sodium_memcmp(tag, scanner->header + SEAL_HTAG_OFFSET, 16))
			return conclude_tampered(scanner, "its header was changed");
	}
	if (flags || sequence != scanner->sequence || durable > sequence ||
	    scanner->cipher_size < SEAL_TAG_BYTES || scanner->cipher_size > CAPTURE_CIPHER_MAX ||
	    scanner->raw_size > CAPTURE_RAW_MAX)
		return conclude_tampered(scanner, "its header is not valid");
	if (durable > scanner->durable)
		scanner->durable = durable;
	*done = false;
	return 0;
}

static int grow_cipher(struct scanner *scanner, size_t size)
{
	if (size <= scanner->capacity)
		return 0;
	uint8_t *grown = realloc(scanner->cipher, size);
	if (!grown)
		return -ENOMEM;
	scanner->cipher = grown;
	scanner->capacity = size;
	return 0;
}

/* 1: a chunk is in the scanner; 0: the end, see the verdict; -EBADMSG: tampered; other errors of
 * reading. */
static int scanner_next(struct scanner *scanner)
{
	uint64_t left = scanner->file_size - scanner->offset;
	bool done;

	if (left == 0)
		return conclude_torn(scanner, "no end");
	if (left < CHUNK_HEADER_BYTES)
		return conclude_torn(scanner, "cut inside a chunk's header");
	int err = io_pread(scanner->fd, scanner->header, CHUNK_HEADER_BYTES,
			   (off_t)scanner->offset);
	if (err)
		return err;
	err = check_header(scanner, &done);
	if (done)
		return err;
	size_t size = scanner->cipher_size + SEAL_SIGN_BYTES;
	if (left - CHUNK_HEADER_BYTES < size)
		return conclude_torn(scanner, "cut inside a chunk");
	err = grow_cipher(scanner, size);
	if (!err)
		err = io_pread(scanner->fd, scanner->cipher, size,
			       (off_t)(scanner->offset + CHUNK_HEADER_BYTES));
	if (err)
		return err;
	seal_chain_step(scanner->chain, scanner->header, scanner->cipher, scanner->cipher_size);
	if (seal_check_chunk(scanner->capture.capture_pk, scanner->capture.capture_id,
			     scanner->sequence, scanner->chain,
			     scanner->cipher + scanner->cipher_size))
		return conclude_tampered(scanner, "its signature is wrong");
	scanner->offset += CHUNK_HEADER_BYTES + size;
	scanner->sequence++;
	scanner->verdict.chunks = scanner->sequence;
	scanner->verdict.size = scanner->offset;
	return 1;
}

/* After the End chunk: the footer that names it, and nothing else. */
static int scanner_finish(struct scanner *scanner, uint64_t end_offset)
{
	uint8_t footer[FOOTER_BYTES];
	uint64_t left = scanner->file_size - scanner->offset;
	struct bytes_reader reader = bytes_reader_on(footer, sizeof(footer));

	if (left < FOOTER_BYTES)
		return conclude_torn(scanner, "no footer");
	if (left > FOOTER_BYTES)
		return conclude_tampered(scanner, "bytes follow the footer");
	int err = io_pread(scanner->fd, footer, sizeof(footer), (off_t)scanner->offset);
	if (err)
		return err;
	if (bytes_get_u64(&reader) != end_offset || memcmp(footer + 8, "HTEND\0\0\1", 8) != 0)
		return conclude_tampered(scanner, "the footer is wrong");
	scanner->verdict.size = scanner->file_size;
	return conclude(scanner, CAPTURE_COMPLETE, "complete");
}

int capture_verify(int fd, struct capture_verdict *verdict)
{
	struct capture_header header;
	struct scanner scanner = { 0 };
	int err = capture_header_read(fd, &header);

	if (!err)
		err = scanner_open(&scanner, fd, NULL, &header);
	if (err)
		return err;
	for (;;) {
		uint64_t offset = scanner.offset;
		err = scanner_next(&scanner);
		if (err != 1)
			break;
		if (scanner.type == CHUNK_END) {
			err = scanner_finish(&scanner, offset);
			break;
		}
	}
	*verdict = scanner.verdict;
	free(scanner.cipher);
	return err == -EBADMSG ? 0 : err;
}

struct capture_reader {
	struct scanner scanner;
	struct seal_keys keys;
	struct compressor *compressor;
	uint8_t *raw;
	size_t raw_capacity;
	bool is_ended;
};

int capture_reader_open(int fd, const uint8_t key[static CAPTURE_KEY_BYTES],
			struct capture_reader **out)
{
	struct capture_header header;
	struct capture_reader *reader;
	int err = capture_header_read(fd, &header);

	if (err)
		return err;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	sodium_mlock(&reader->keys, sizeof(reader->keys));
	seal_derive(&reader->keys, key, header.bytes);
	reader->compressor = compressor_new();
	if (!reader->compressor)
		err = -ENOMEM;
	else if (sodium_memcmp(reader->keys.commitment, header.commitment, 32))
		err = -EKEYREJECTED;
	else
		err = scanner_open(&reader->scanner, fd, &reader->keys, &header);
	if (err)
		capture_reader_free(reader);
	else
		*out = reader;
	return err;
}

static int grow_raw(struct capture_reader *reader, size_t size)
{
	if (size <= reader->raw_capacity)
		return 0;
	uint8_t *grown = realloc(reader->raw, size);
	if (!grown)
		return -ENOMEM;
	reader->raw = grown;
	reader->raw_capacity = size;
	return 0;
}

int capture_reader_next(struct capture_reader *reader, struct chunk *chunk)
{
	struct scanner *scanner = &reader->scanner;
	uint64_t offset = scanner->offset;
	int err;

	if (reader->is_ended)
		return 0;
	err = scanner_next(scanner);
	if (err != 1) {
		reader->is_ended = true;
		return err;
	}
	err = grow_raw(reader, scanner->raw_size + 1);
	if (err)
		return err;
	if (seal_decrypt(&reader->keys, scanner->sequence - 1, scanner->header, scanner->cipher,
			 scanner->cipher_size, scanner->cipher) ||
	    compress_unpack(reader->compressor, scanner->cipher,
			    scanner->cipher_size - SEAL_TAG_BYTES, reader->raw,
			    scanner->raw_size)) {
		reader->is_ended = true;
		return conclude_tampered(scanner, "cannot be decrypted");
	}
	*chunk = (struct chunk) { .type = scanner->type,
				  .sequence = scanner->sequence - 1,
				  .raw = reader->raw,
				  .size = scanner->raw_size };
	if (chunk->type == CHUNK_END) {
		reader->is_ended = true;
		err = scanner_finish(scanner, offset);
		if (err)
			return err;
	}
	return 1;
}

const struct capture_verdict *capture_reader_verdict(const struct capture_reader *reader)
{
	return &reader->scanner.verdict;
}

void capture_reader_free(struct capture_reader *reader)
{
	if (!reader)
		return;
	compressor_free(reader->compressor);
	free(reader->scanner.cipher);
	free(reader->raw);
	sodium_munlock(&reader->keys, sizeof(reader->keys)); /* wipes */
	free(reader);
}
