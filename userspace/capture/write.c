// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/write.h"

#include "base/io.h"
#include "capture/compress.h"
#include "capture/header.h"
#include "capture/index.h"
#include "capture/seal.h"
#include "capture/slots.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define END_RESERVE   (64u << 10)
#define RESERVE_AHEAD (1u << 20)

struct capture_writer {
	int fd;
	uint8_t header[CAPTURE_HEADER_BYTES];
	struct bytes_buffer slots; /* wrapped, not yet framed */
	uint32_t slot_count;
	struct compressor *compressor;
	struct index_writer index;
	uint8_t *chunk; /* one chunk as it goes to the file */
	size_t chunk_capacity;
	uint8_t chain[SEAL_HASH_BYTES];
	uint64_t sequence; /* of the next chunk */
	uint64_t durable;  /* chunks below this one are on disk */
	uint64_t size;
	uint64_t reserved; /* the disk has room for the file up to here */
	uint16_t attempt;  /* how many writes of the next chunk failed */
	int sync_error;	   /* of the first fdatasync that failed */
	/* secret from here on */
	uint8_t cek[CAPTURE_KEY_BYTES];
	uint8_t sk[crypto_sign_SECRETKEYBYTES];
	struct seal_keys keys;
};

static void put_le(uint8_t *out, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

/* The kernel's boot id as 16 bytes; zero where it cannot be read. */
static void boot_id(uint8_t out[static 16])
{
	char text[37] = "";
	size_t length = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || io_read(fd, text, 36) ||
	    sodium_hex2bin(out, 16, text, 36, "-", &length, NULL) || length != 16)
		memset(out, 0, 16);
	io_close(&fd);
}

/* Where the capture stands in its series: it is the first, or goes on where `before` ended. */
static void make_series(uint8_t *header, const struct capture_writer *before)
{
	if (!before) {
		memcpy(header + HEADER_SERIES_ID, header + HEADER_CAPTURE_ID, 16);
		boot_id(header + HEADER_BOOT_ID);
		return;
	}
	struct bytes_reader segment = bytes_reader_on(before->header + HEADER_SEGMENT, 4);
	memcpy(header + HEADER_SERIES_ID, before->header + HEADER_SERIES_ID, 16);
	put_le(header + HEADER_SEGMENT, bytes_get_le(&segment, 4) + 1, 4);
	memcpy(header + HEADER_PREVIOUS, before->chain, SEAL_HASH_BYTES);
	memcpy(header + HEADER_BOOT_ID, before->header + HEADER_BOOT_ID, 16);
}

static void make_header(struct capture_writer *writer, const uint8_t host_pk[static 32],
			const struct capture_writer *before)
{
	uint8_t *header = writer->header;

	memcpy(header + HEADER_MAGIC, CAPTURE_MAGIC, 8);
	put_le(header + HEADER_VERSION, CAPTURE_VERSION, 2);
	put_le(header + HEADER_SUITE, CAPTURE_SUITE, 2);
	randombytes_buf(header + HEADER_CAPTURE_ID, 16);
	make_series(header, before);
	randombytes_buf(header + HEADER_SALT, 32);
	memcpy(header + HEADER_HOST_PK, host_pk, 32);
	crypto_sign_keypair(header + HEADER_CAPTURE_PK, writer->sk);
	put_le(header + HEADER_CREATED, (uint64_t)time(NULL), 8);
	randombytes_buf(writer->cek, sizeof(writer->cek));
	seal_derive(&writer->keys, writer->cek, header);
	memcpy(header + HEADER_COMMITMENT, writer->keys.commitment, 32);
}

static int make_slots(struct capture_writer *writer, capture_wrap *wrap, void *const *recipients,
		      size_t count)
{
	uint8_t secret[CAPTURE_SECRET_BYTES];
	int err = 0;

	memcpy(secret, CAPTURE_SECRET_LABEL, 16);
	memcpy(secret + 16, writer->header + HEADER_CAPTURE_ID, 16);
	memcpy(secret + 32, writer->cek, CAPTURE_KEY_BYTES);
	for (size_t i = 0; !err && i < count; i++) {
		struct bytes_buffer slot = { 0 };
		err = wrap(recipients[i], secret, sizeof(secret), &slot);
		if (!err)
			slots_put(&writer->slots, SLOT_AGE, slot.data, slot.size);
		bytes_free(&slot);
	}
	sodium_memzero(secret, sizeof(secret));
	/* from here on only what is derived from it is needed, which opens no other header */
	sodium_memzero(writer->cek, sizeof(writer->cek));
	writer->slot_count = (uint32_t)count;
	return !err && writer->slots.failed ? -ENOMEM : err;
}

static int make_writer(int fd, const uint8_t host_pk[static 32],
		       const struct capture_writer *before, capture_wrap *wrap,
		       void *const *recipients, size_t count, struct capture_writer **out)
{
	struct capture_writer *writer;

	if (sodium_init() < 0)
		return -ENOSYS;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	sodium_mlock(writer, sizeof(*writer));
	writer->fd = fd;
	writer->compressor = compressor_new();
	make_header(writer, host_pk, before);
	int err = writer->compressor ? make_slots(writer, wrap, recipients, count) : -ENOMEM;
	if (err)
		capture_writer_free(writer);
	else
		*out = writer;
	return err;
}

int capture_writer_new(int fd, const uint8_t host_pk[static 32], capture_wrap *wrap,
		       void *const *recipients, size_t count, struct capture_writer **out)
{
	return make_writer(fd, host_pk, NULL, wrap, recipients, count, out);
}

int capture_writer_next(int fd, const struct capture_writer *before, capture_wrap *wrap,
			void *const *recipients, size_t count, struct capture_writer **out)
{
	return make_writer(fd, before->header + HEADER_HOST_PK, before, wrap, recipients, count,
			   out);
}

const uint8_t *capture_writer_header(const struct capture_writer *writer)
{
	return writer->header;
}

/* Room for so many bytes more on the disk; a file system that cannot reserve is taken as it is. */
static int allocate(struct capture_writer *writer, uint64_t room)
{
	if (fallocate(writer->fd, FALLOC_FL_KEEP_SIZE, (off_t)writer->size, (off_t)room) == 0) {
		writer->reserved = writer->size + room;
		return 0;
	}
	return errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO ? -errno : 0;
}

/* For `more` bytes and the end after them; for some chunks at once, as long as the disk has it. */
static int reserve(struct capture_writer *writer, size_t more)
{
	uint64_t room = more + END_RESERVE + index_size(&writer->index);

	if (writer->size + room <= writer->reserved)
		return 0;
	return allocate(writer, room + RESERVE_AHEAD) ? allocate(writer, room) : 0;
}

/* A file that could not take all of it ends where it ended before. */
static int append_bytes(struct capture_writer *writer, const void *bytes, size_t size)
{
	int err = io_pwrite(writer->fd, bytes, size, (off_t)writer->size);

	if (err) {
		writer->reserved = 0; /* what is cut off is given back */
		if (ftruncate(writer->fd, (off_t)writer->size))
			return -errno;
		return err;
	}
	writer->size += size;
	return 0;
}

static void sign_by_capture(void *context, const void *message, size_t size,
			    uint8_t signature[static 64])
{
	crypto_sign_detached(signature, NULL, message, size, context);
}

int capture_writer_begin(struct capture_writer *writer, const uint8_t host_sig[static 64])
{
	static const uint8_t ZEROS[4096];
	struct capture_header header;
	struct bytes_buffer out = { 0 }, region = { 0 };
	int err;

	memcpy(writer->header + HEADER_HOST_SIG, host_sig, 64);
	err = header_parse(writer->header, &header);
	if (err)
		return -EBADMSG;
	slots_finish(&region, &writer->slots, writer->slot_count, &writer->keys, header.capture_id,
		     &(struct slots_signer) { .context = writer->sk,
					      .public_key = header.capture_pk,
					      .sign = sign_by_capture });
	bytes_put(&out, writer->header, CAPTURE_HEADER_BYTES);
	bytes_put(&out, region.data, region.size);
	bytes_put(&out, ZEROS,
		  header_body_offset(region.size) - CAPTURE_HEADER_BYTES - region.size);
	err = region.failed || out.failed ? -ENOMEM : 0;
	if (!err && region.size > CAPTURE_SLOTS_MAX)
		err = -E2BIG;
	if (!err)
		err = reserve(writer, out.size);
	if (!err)
		err = append_bytes(writer, out.data, out.size);
	if (!err && fsync(writer->fd))
		err = -errno;
	seal_chain_start(writer->chain, writer->header);
	bytes_free(&region);
	bytes_free(&out);
	return err;
}

static int grow_chunk(struct capture_writer *writer, size_t size)
{
	size_t needed = CHUNK_HEADER_BYTES + compress_bound(size) + SEAL_TAG_BYTES +
			SEAL_SIGN_BYTES;

	if (needed <= writer->chunk_capacity)
		return 0;
	uint8_t *chunk = realloc(writer->chunk, needed);
	if (!chunk)
		return -ENOMEM;
	writer->chunk = chunk;
	writer->chunk_capacity = needed;
	return 0;
}

static void make_chunk_header(struct capture_writer *writer, enum chunk_type type,
			      size_t cipher_size, size_t raw_size)
{
	uint8_t *header = writer->chunk;

	memset(header, 0, CHUNK_HEADER_BYTES);
	memcpy(header, CHUNK_MAGIC, 4);
	header[CHUNK_TYPE] = (uint8_t)type;
	put_le(header + CHUNK_ATTEMPT, writer->attempt, 2);
	put_le(header + CHUNK_SEQUENCE, writer->sequence, 8);
	put_le(header + CHUNK_CIPHER_SIZE, cipher_size, 4);
	put_le(header + CHUNK_RAW_SIZE, raw_size, 4);
	put_le(header + CHUNK_DURABLE, writer->durable, 8);
	seal_htag(&writer->keys, writer->chain, header, header + CHUNK_HTAG);
}

/* The packed payload behind the chunk's header becomes the sealed chunk; chain: after it. */
static void seal_chunk(struct capture_writer *writer, enum chunk_type type, size_t packed,
		       size_t raw_size, uint8_t chain[static SEAL_HASH_BYTES])
{
	uint8_t *cipher = writer->chunk + CHUNK_HEADER_BYTES;
	size_t cipher_size = packed + SEAL_TAG_BYTES;

	make_chunk_header(writer, type, cipher_size, raw_size);
	seal_encrypt(&writer->keys, writer->chunk, cipher, packed, cipher);
	memcpy(chain, writer->chain, SEAL_HASH_BYTES);
	seal_chain_step(chain, writer->chunk, cipher, cipher_size);
	seal_sign_chunk(writer->sk, writer->header + HEADER_CAPTURE_ID, writer->sequence, chain,
			cipher + cipher_size);
}

int capture_writer_append(struct capture_writer *writer, enum chunk_type type, const void *raw,
			  size_t size)
{
	uint8_t chain[SEAL_HASH_BYTES];
	uint64_t offset = writer->size;
	size_t packed;
	int err = size > CAPTURE_RAW_MAX ? -EMSGSIZE : grow_chunk(writer, size);

	if (err)
		return err;
	if (writer->attempt == UINT16_MAX)
		return -EIO;
	err = compress_pack(writer->compressor, raw, size, writer->chunk + CHUNK_HEADER_BYTES,
			    compress_bound(size), &packed);
	if (err)
		return err;
	size_t total = CHUNK_HEADER_BYTES + packed + SEAL_TAG_BYTES + SEAL_SIGN_BYTES;
	if (type != CHUNK_END) {
		err = reserve(writer, total);
		if (err)
			return err;
	}
	seal_chunk(writer, type, packed, size, chain);
	err = append_bytes(writer, writer->chunk, total);
	if (err) {
		writer->attempt++;
		return err;
	}
	struct index_entry entry = { type, offset, packed + SEAL_TAG_BYTES, size, { 0 } };
	memcpy(entry.chain, chain, sizeof(chain));
	index_add(&writer->index, &entry);
	memcpy(writer->chain, chain, sizeof(chain));
	writer->sequence++;
	writer->attempt = 0;
	return 0;
}

/* After a failed fdatasync the kernel forgets what it could not write, and the next one succeeds:
 * so the first error stays. */
int capture_writer_sync(struct capture_writer *writer)
{
	if (!writer->sync_error && fdatasync(writer->fd))
		writer->sync_error = -errno;
	if (!writer->sync_error)
		writer->durable = writer->sequence;
	return writer->sync_error;
}

int capture_writer_finish(struct capture_writer *writer, const void *totals, size_t size)
{
	struct bytes_buffer end = { 0 };
	uint64_t offset = writer->size;
	uint8_t footer[FOOTER_BYTES];
	int err;

	bytes_put_varint(&end, size);
	bytes_put(&end, totals, size);
	index_put(&end, &writer->index);
	err = end.failed ? -ENOMEM : capture_writer_append(writer, CHUNK_END, end.data, end.size);
	bytes_free(&end);
	if (err)
		return err;
	/* the footer is on disk only when all before it is; a failed sync does not forbid it */
	capture_writer_sync(writer);
	put_le(footer, offset, 8);
	memcpy(footer + 8, FOOTER_MAGIC, 8);
	err = append_bytes(writer, footer, sizeof(footer));
	/* gives back the reserve behind the footer */
	if (!err && ftruncate(writer->fd, (off_t)writer->size))
		err = -errno;
	return err ? err : capture_writer_sync(writer);
}

void capture_writer_position(const struct capture_writer *writer, struct capture_position *position)
{
	memcpy(position->capture_id, writer->header + HEADER_CAPTURE_ID, 16);
	memcpy(position->chain, writer->chain, sizeof(position->chain));
	position->sequence = writer->sequence ? writer->sequence - 1 : 0;
	position->size = writer->size;
}

void capture_writer_free(struct capture_writer *writer)
{
	if (!writer)
		return;
	compressor_free(writer->compressor);
	bytes_free(&writer->slots);
	index_free(&writer->index);
	free(writer->chunk);
	sodium_munlock(writer, sizeof(*writer)); /* wipes */
	free(writer);
}
