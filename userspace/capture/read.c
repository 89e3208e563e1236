// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/read.h"

#include "base/io.h"
#include "capture/header.h"
#include "capture/reader.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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

int capture_verify(int fd, struct capture_verdict *verdict)
{
	struct capture_header header;
	struct scanner scanner = { 0 };
	int err = capture_header_read(fd, &header);

	if (!err)
		err = scanner_open(&scanner, fd, NULL, &header);
	if (err)
		return err;
	while ((err = scanner_next(&scanner)) == 1) {
		scanner_accept(&scanner);
		if (scanner.type == CHUNK_END) {
			err = scanner_finish(&scanner);
			break;
		}
	}
	*verdict = scanner.verdict;
	memcpy(verdict->chain, scanner.chain, sizeof(verdict->chain));
	scanner_close(&scanner);
	return err == -EBADMSG ? 0 : err;
}

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
	memcpy(reader->first_chain, reader->scanner.chain, sizeof(reader->first_chain));
	if (err)
		capture_reader_free(reader);
	else
		*out = reader;
	return err;
}

int reader_grow(struct capture_reader *reader, size_t size)
{
	if (size < reader->raw_capacity)
		return 0;
	uint8_t *grown = realloc(reader->raw, size + 1);
	if (!grown)
		return -ENOMEM;
	reader->raw = grown;
	reader->raw_capacity = size + 1;
	return 0;
}

int reader_unpack(struct capture_reader *reader)
{
	struct scanner *scanner = &reader->scanner;
	int err = reader_grow(reader, scanner->raw_size);

	if (err)
		return err;
	if (seal_decrypt(&reader->keys, scanner->header, scanner->cipher, scanner->cipher_size,
			 scanner->cipher))
		return scanner_tampered(scanner, "cannot be decrypted");
	if (compress_unpack(reader->compressor, scanner->cipher,
			    scanner->cipher_size - SEAL_TAG_BYTES, reader->raw, scanner->raw_size))
		return scanner_tampered(scanner, "does not decompress to what it says");
	return 0;
}

int capture_reader_next(struct capture_reader *reader, struct chunk *chunk)
{
	struct scanner *scanner = &reader->scanner;

	if (reader->is_ended)
		return reader->error;
	reader->is_ended = true;
	reader->error = scanner_next(scanner);
	if (reader->error != 1)
		return reader->error;
	reader->error = reader_unpack(reader);
	if (reader->error)
		return reader->error;
	scanner_accept(scanner);
	if (scanner->type == CHUNK_END)
		reader->error = scanner_finish(scanner);
	else
		reader->is_ended = false;
	if (reader->error)
		return reader->error;
	*chunk = (struct chunk) { .type = scanner->type,
				  .sequence = scanner->sequence - 1,
				  .raw = reader->raw,
				  .size = scanner->raw_size };
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
	scanner_close(&reader->scanner);
	free(reader->raw);
	free(reader->entries);
	sodium_munlock(&reader->keys, sizeof(reader->keys)); /* wipes */
	free(reader);
}
