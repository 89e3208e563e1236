// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Captures put together from parts of captures: none is complete, and what is read of it is what
 * was written, up to the first part that is out of its place.
 */
#include "base/io.h"
#include "capture/header.h"
#include "capture/read.h"
#include "capture/write.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <cmocka.h>

#define CHUNKS	6
#define PAYLOAD 200
/* Where parts begin: key slots, chunks, the footer; then the end of the file. */
#define PARTS  (1 + CHUNKS + 1)
#define SLOTS  0
#define FIRST  1
#define FOOTER (FIRST + CHUNKS)

struct sample {
	uint8_t *data;
	size_t begin[PARTS + 1];
	uint8_t cek[CAPTURE_KEY_BYTES];
	uint8_t payloads[CHUNKS - 1][PAYLOAD];
};

static struct sample one, other, twin; /* twin: with the keys of one */
static uint8_t host_pk[32], host_sk[64];
static const uint8_t *fixed_key; /* of the next capture; NULL: a random one */

/* In front of libsodium's: two captures never have one key unless the generator fails. Ids differ
 * even then. */
void randombytes_buf(void *const buf, const size_t size)
{
	if (size == CAPTURE_KEY_BYTES && fixed_key)
		memcpy(buf, fixed_key, size);
	else
		assert_int_equal(getrandom(buf, size, 0), size);
}

static int wrap_plain(void *recipient, const uint8_t *secret, size_t size,
		      struct bytes_buffer *slot)
{
	memcpy(recipient, secret + 32, CAPTURE_KEY_BYTES);
	bytes_put(slot, "wrapped", 7);
	return size == CAPTURE_SECRET_BYTES ? 0 : -EINVAL;
}

static uint64_t size_of(const struct capture_writer *writer)
{
	struct capture_position position;

	capture_writer_position(writer, &position);
	return position.size;
}

static void make_sample(struct sample *sample)
{
	uint8_t sig[64], message[HEADER_MESSAGE_BYTES];
	void *recipients[] = { sample->cek };
	struct capture_writer *writer;
	int fd = memfd_create("capture", 0);

	assert_int_equal(capture_writer_new(fd, host_pk, wrap_plain, recipients, 1, &writer), 0);
	header_message(capture_writer_header(writer), message);
	crypto_sign_detached(sig, NULL, message, sizeof(message), host_sk);
	assert_int_equal(capture_writer_begin(writer, sig), 0);
	sample->begin[SLOTS] = CAPTURE_HEADER_BYTES;
	for (int i = 0; i < CHUNKS - 1; i++) {
		sample->begin[FIRST + i] = size_of(writer);
		/* does not compress, so that chunks of different captures are of one size */
		randombytes_buf(sample->payloads[i], PAYLOAD);
		assert_int_equal(
			capture_writer_append(writer, CHUNK_EVENTS, sample->payloads[i], PAYLOAD),
			0);
	}
	sample->begin[FOOTER - 1] = size_of(writer);
	assert_int_equal(capture_writer_finish(writer, "totals", 6), 0);
	sample->begin[FOOTER] = size_of(writer) - 16;
	sample->begin[PARTS] = size_of(writer);
	capture_writer_free(writer);
	sample->data = malloc(sample->begin[PARTS]);
	assert_non_null(sample->data);
	assert_int_equal(io_pread(fd, sample->data, sample->begin[PARTS], 0), 0);
	close(fd);
}

static int set_up(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	crypto_sign_keypair(host_pk, host_sk);
	make_sample(&one);
	make_sample(&other);
	fixed_key = one.cek;
	make_sample(&twin);
	fixed_key = NULL;
	assert_memory_equal(twin.cek, one.cek, sizeof(one.cek));
	assert_memory_not_equal(twin.data + HEADER_CAPTURE_ID, one.data + HEADER_CAPTURE_ID, 16);
	assert_memory_equal(one.begin, twin.begin, sizeof(one.begin));
	assert_memory_equal(one.begin, other.begin, sizeof(one.begin));
	return 0;
}

/* Every index is of one capture, whole: of another, none gets to its last chunk. */
static void assert_no_index(int fd, const uint8_t *key)
{
	struct capture_reader *reader;
	struct chunk chunk;
	size_t count = 0;

	if (capture_reader_open(fd, key, &reader))
		return;
	int err = capture_reader_index(reader, &chunk);
	if (!err)
		(void)capture_reader_entries(reader, &count);
	for (size_t i = 0; !err && i < count; i++)
		err = capture_reader_at(reader, i, &chunk);
	assert_true(err);
	capture_reader_free(reader);
}

/* The verdict, which must be the same with a key and without one; -1: it does not open. Every chunk
 * that is told is the one that was written at its place. */
static int state_of(const struct bytes_buffer *file, const struct sample *sample)
{
	struct capture_verdict verdict;
	struct capture_reader *reader;
	struct chunk chunk;
	int found = -1, fd = memfd_create("capture", 0);

	assert_false(file->failed);
	assert_int_equal(io_write(fd, file->data, file->size), 0);
	if (capture_reader_open(fd, sample->cek, &reader) == 0) {
		while (capture_reader_next(reader, &chunk) == 1) {
			if (chunk.type == CHUNK_END)
				continue;
			assert_in_range(chunk.sequence, 0, CHUNKS - 2);
			assert_int_equal(chunk.size, PAYLOAD);
			assert_memory_equal(chunk.raw, sample->payloads[chunk.sequence], PAYLOAD);
		}
		found = (int)capture_reader_verdict(reader)->state;
		capture_reader_free(reader);
	}
	assert_int_equal(capture_verify(fd, &verdict) ? -1 : (int)verdict.state, found);
	if (found != CAPTURE_COMPLETE)
		assert_no_index(fd, sample->cek);
	close(fd);
	return found;
}

static void put_parts(struct bytes_buffer *file, const struct sample *sample, int from, int to)
{
	bytes_put(file, sample->data + sample->begin[from],
		  sample->begin[to] - sample->begin[from]);
}

static int expected_of(const struct bytes_buffer *file, const struct sample *head, int head_end,
		       int tail_begin)
{
	size_t whole = head->begin[PARTS];

	if (file->size == whole && memcmp(file->data, head->data, whole) == 0)
		return CAPTURE_COMPLETE;
	/* of the same bytes only: key slots are signed for one capture */
	if (head_end == SLOTS)
		return -1;
	return tail_begin == PARTS ? CAPTURE_INCOMPLETE : CAPTURE_TAMPERED;
}

/* The beginning of one and the end of another, for every pair of places. */
static void splice(const struct sample *head, const struct sample *tail)
{
	for (int end = 0; end <= PARTS; end++)
		for (int begin = 0; begin <= PARTS; begin++) {
			struct bytes_buffer file = { 0 };
			bytes_put(&file, head->data, head->begin[end]);
			put_parts(&file, tail, begin, PARTS);
			assert_int_equal(state_of(&file, head),
					 expected_of(&file, head, end, begin));
			bytes_free(&file);
		}
}

static void no_end_of_another_capture_fits(void **state)
{
	(void)state;
	splice(&one, &other);
	splice(&other, &one);
}

static void no_end_of_a_capture_with_the_same_key_fits(void **state)
{
	(void)state;
	splice(&one, &twin);
	splice(&twin, &one);
}

static void nothing_between_two_chunks_can_go_or_come_twice(void **state)
{
	(void)state;
	splice(&one, &one);
}

static void no_two_chunks_can_be_swapped(void **state)
{
	(void)state;
	for (int a = FIRST; a < FOOTER; a++)
		for (int b = a + 1; b < FOOTER; b++) {
			struct bytes_buffer file = { 0 };
			bytes_put(&file, one.data, one.begin[a]);
			put_parts(&file, &one, b, b + 1);
			put_parts(&file, &one, a + 1, b);
			put_parts(&file, &one, a, a + 1);
			put_parts(&file, &one, b + 1, PARTS);
			assert_int_equal(file.size, one.begin[PARTS]);
			assert_int_equal(state_of(&file, &one), CAPTURE_TAMPERED);
			bytes_free(&file);
		}
}

static void insert_and_replace(const struct sample *source)
{
	for (int from = FIRST; from < FOOTER; from++)
		for (int at = FIRST; at < FOOTER; at++)
			for (int replaced = 0; replaced < 2; replaced++) {
				struct bytes_buffer file = { 0 };
				if (replaced && source == &one && from == at)
					continue;
				bytes_put(&file, one.data, one.begin[at]);
				put_parts(&file, source, from, from + 1);
				put_parts(&file, &one, at + replaced, PARTS);
				assert_int_equal(state_of(&file, &one), CAPTURE_TAMPERED);
				bytes_free(&file);
			}
}

static void no_chunk_fits_anywhere_else(void **state)
{
	(void)state;
	insert_and_replace(&one);
	insert_and_replace(&other);
	insert_and_replace(&twin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_end_of_another_capture_fits),
		cmocka_unit_test(no_end_of_a_capture_with_the_same_key_fits),
		cmocka_unit_test(nothing_between_two_chunks_can_go_or_come_twice),
		cmocka_unit_test(no_two_chunks_can_be_swapped),
		cmocka_unit_test(no_chunk_fits_anywhere_else),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
