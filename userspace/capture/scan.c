// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/scan.h"

#include "base/bytes.h"
#include "base/io.h"
#include "capture/header.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int scan_slots(int fd, const struct capture_header *header, uint8_t *bytes, struct slots *slots)
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

int scanner_tampered(struct scanner *scanner, const char *what)
{
	return conclude(scanner, CAPTURE_TAMPERED, "chunk %" PRIu64 ": %s", scanner->sequence,
			what);
}

/* A damaged chunk's cause is read off the file's last bytes; a file too short for a chunk has its
 * own word for that. */
static void read_end(const struct scanner *scanner, uint8_t end[static FOOTER_BYTES])
{
	if (io_pread(scanner->fd, end, FOOTER_BYTES, (off_t)(scanner->file_size - FOOTER_BYTES)))
		memset(end, 0xff, FOOTER_BYTES);
}

/* What a crash leaves. Nothing tells it from a cut: chunks that are gone cannot say that they were
 * on disk. But no crash leaves the footer, which is written last. */
static int conclude_torn(struct scanner *scanner, const char *what)
{
	uint8_t end[FOOTER_BYTES];

	read_end(scanner, end);
	if (memcmp(end + 8, FOOTER_MAGIC, 8) == 0)
		return scanner_tampered(scanner,
					"missing or damaged, although the footer is there");
	return conclude(scanner, CAPTURE_INCOMPLETE,
			"ends after %" PRIu64
			" chunks (%s): the recorder was killed, or the file was cut",
			scanner->sequence, what);
}

/* A chunk that is not what it should be. Where the file ends in zeros it is one that a crash tore:
 * blocks that were allocated but never filled read as zeros. Zeros hide no more than a cut does. */
static int conclude_damaged(struct scanner *scanner, const char *what)
{
	uint8_t end[FOOTER_BYTES];

	read_end(scanner, end);
	if (sodium_is_zero(end, sizeof(end)))
		return conclude_torn(scanner, "zeros at the end");
	return scanner_tampered(scanner, what);
}

int scanner_open(struct scanner *scanner, int fd, const struct seal_keys *keys,
		 const struct capture_header *header)
{
	uint8_t *bytes = malloc(CAPTURE_SLOTS_MAX);
	struct slots slots;
	struct stat st;
	int err = bytes ? scan_slots(fd, header, bytes, &slots) : -ENOMEM;

	*scanner = (struct scanner) { .fd = fd, .keys = keys, .capture = *header };
	conclude(scanner, CAPTURE_INCOMPLETE, "not read to its end");
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
	struct bytes_reader reader = bytes_reader_on(scanner->header + CHUNK_TYPE,
						     CHUNK_HEADER_BYTES - CHUNK_TYPE);
	uint8_t tag[16];

	*done = true;
	scanner->type = bytes_get_u8(&reader);
	uint8_t flags = bytes_get_u8(&reader);
	bytes_get_u16(&reader); /* the attempt */
	uint64_t sequence = bytes_get_u64(&reader);
	scanner->cipher_size = bytes_get_u32(&reader);
	scanner->raw_size = bytes_get_u32(&reader);
	uint64_t durable = bytes_get_u64(&reader);
	if (memcmp(scanner->header, CHUNK_MAGIC, 4) != 0)
		return conclude_damaged(scanner, "does not begin like a chunk");
	if (scanner->keys) {
		seal_htag(scanner->keys, scanner->chain, scanner->header, tag);
		if (sodium_memcmp(tag, scanner->header + CHUNK_HTAG, 16))
			return conclude_damaged(scanner, "its header was changed");
	}
	if (flags || sequence != scanner->sequence || durable > sequence ||
	    scanner->cipher_size < SEAL_TAG_BYTES || scanner->cipher_size > CAPTURE_CIPHER_MAX ||
	    scanner->raw_size > CAPTURE_RAW_MAX)
		return conclude_damaged(scanner, "its header is not valid");
	*done = false;
	return 0;
}

int scanner_grow(struct scanner *scanner, size_t size)
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

/* The chunk's bytes behind its header. 0, or a conclusion through *done. */
static int read_body(struct scanner *scanner, uint64_t left, bool *done)
{
	size_t size = scanner->cipher_size + SEAL_SIGN_BYTES;

	*done = true;
	if (left < size)
		return conclude_torn(scanner, "cut inside a chunk");
	int err = scanner_grow(scanner, size);
	if (!err)
		err = io_pread(scanner->fd, scanner->cipher, size,
			       (off_t)(scanner->offset + CHUNK_HEADER_BYTES));
	if (err)
		return err;
	memcpy(scanner->next_chain, scanner->chain, SEAL_HASH_BYTES);
	seal_chain_step(scanner->next_chain, scanner->header, scanner->cipher,
			scanner->cipher_size);
	if (seal_check_chunk(scanner->capture.capture_pk, scanner->capture.capture_id,
			     scanner->sequence, scanner->next_chain,
			     scanner->cipher + scanner->cipher_size))
		return conclude_damaged(scanner, "its signature is wrong");
	*done = false;
	return 0;
}

int scanner_next(struct scanner *scanner)
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
	err = read_body(scanner, left - CHUNK_HEADER_BYTES, &done);
	return done ? err : 1;
}

void scanner_accept(struct scanner *scanner)
{
	memcpy(scanner->chain, scanner->next_chain, SEAL_HASH_BYTES);
	scanner->end_offset = scanner->offset;
	scanner->offset += CHUNK_HEADER_BYTES + scanner->cipher_size + SEAL_SIGN_BYTES;
	scanner->sequence++;
	scanner->verdict.chunks = scanner->sequence;
	scanner->verdict.size = scanner->offset;
}

int scanner_finish(struct scanner *scanner)
{
	uint8_t footer[FOOTER_BYTES];
	uint64_t left = scanner->file_size - scanner->offset;
	struct bytes_reader reader = bytes_reader_on(footer, sizeof(footer));

	if (left < FOOTER_BYTES)
		return conclude_torn(scanner, "no footer");
	if (left > FOOTER_BYTES)
		return scanner_tampered(scanner, "bytes follow the footer");
	int err = io_pread(scanner->fd, footer, sizeof(footer), (off_t)scanner->offset);
	if (err)
		return err;
	if (bytes_get_u64(&reader) != scanner->end_offset ||
	    memcmp(footer + 8, FOOTER_MAGIC, 8) != 0)
		return scanner_tampered(scanner, "the footer is wrong");
	scanner->verdict.size = scanner->file_size;
	return conclude(scanner, CAPTURE_COMPLETE, "complete");
}

void scanner_close(struct scanner *scanner)
{
	free(scanner->cipher);
	scanner->cipher = NULL;
}
