// SPDX-License-Identifier: GPL-2.0-or-later
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
#include <unistd.h>

#include <cmocka.h>

#define CHUNKS	   4
#define CHUNKS_MAX 10

struct bytes {
	uint8_t *data;
	size_t size;
};

/* Captures that are changed bit by bit. */
static const struct shape {
	size_t chunks;		/* with the End */
	size_t payload, random; /* bytes of a chunk, and how many of them do not compress */
	size_t slots;
	size_t synced; /* chunks that are known to be durable */
} SHAPES[] = { { CHUNKS, 300, 40, 1, 1 }, { 2, 1500, 1200, 14, 0 }, { CHUNKS_MAX, 30, 30, 2, 8 } };
#define SHAPE_COUNT (sizeof(SHAPES) / sizeof(SHAPES[0]))

static uint8_t cek[CAPTURE_KEY_BYTES];
static struct bytes reference;		/* of the first shape */
static size_t boundary[CHUNKS_MAX + 2]; /* where chunk i begins; then the footer; then the end */

/* A recipient that takes the key in the clear. */
static int wrap_plain(void *recipient, const uint8_t *secret, size_t size,
		      struct bytes_buffer *slot)
{
	memcpy(recipient, secret + 32, CAPTURE_KEY_BYTES);
	bytes_put(slot, "wrapped", 7);
	return size == CAPTURE_SECRET_BYTES ? 0 : -EINVAL;
}

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("capture", 0);

	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, data, size), 0);
	return fd;
}

static struct bytes make_capture(uint8_t key[CAPTURE_KEY_BYTES], const struct shape *shape)
{
	uint8_t pk[32], sk[64], sig[64], message[HEADER_MESSAGE_BYTES], payload[1500];
	struct capture_writer *writer;
	struct capture_position position;
	void *recipients[14];
	int fd = memfd_create("capture", 0);

	for (size_t i = 0; i < 14; i++)
		recipients[i] = key;
	crypto_sign_keypair(pk, sk);
	assert_int_equal(capture_writer_new(fd, pk, wrap_plain, recipients, shape->slots, &writer),
			 0);
	header_message(capture_writer_header(writer), message);
	crypto_sign_detached(sig, NULL, message, sizeof(message), sk);
	assert_int_equal(capture_writer_begin(writer, sig), 0);
	for (size_t i = 0; i < shape->chunks - 1; i++) {
		capture_writer_position(writer, &position);
		boundary[i] = position.size;
		memset(payload, (int)i, sizeof(payload));
		randombytes_buf(payload, shape->random);
		assert_int_equal(
			capture_writer_append(writer, CHUNK_EVENTS, payload, shape->payload), 0);
		if (i < shape->synced)
			assert_int_equal(capture_writer_sync(writer), 0);
	}
	capture_writer_position(writer, &position);
	boundary[shape->chunks - 1] = position.size;
	assert_int_equal(capture_writer_finish(writer, "totals", 6), 0);
	capture_writer_position(writer, &position);
	boundary[shape->chunks] = position.size - 16;
	boundary[shape->chunks + 1] = position.size;
	capture_writer_free(writer);
	struct bytes bytes = { malloc(position.size), position.size };
	assert_int_equal(io_pread(fd, bytes.data, bytes.size, 0), 0);
	close(fd);
	return bytes;
}

static int set_up(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	reference = make_capture(cek, &SHAPES[0]);
	return 0;
}

/* What a reader with the key concludes; -1: it does not even open. */
static int state_with_key(int fd, const uint8_t *key, uint64_t *chunks)
{
	struct capture_reader *reader;
	struct chunk chunk;
	int state;

	*chunks = 0;
	if (capture_reader_open(fd, key, &reader))
		return -1;
	while (capture_reader_next(reader, &chunk) == 1)
		++*chunks;
	state = (int)capture_reader_verdict(reader)->state;
	capture_reader_free(reader);
	return state;
}

/* What a reader by the index concludes that looks at every chunk; -1: it cannot be read so. */
static int state_by_index(int fd, const uint8_t *key)
{
	struct capture_reader *reader;
	struct chunk chunk;
	size_t count = 0;

	if (capture_reader_open(fd, key, &reader))
		return -1;
	int err = capture_reader_index(reader, &chunk);
	if (!err)
		(void)capture_reader_entries(reader, &count);
	for (size_t i = 0; !err && i < count; i++)
		err = i % 2 ? capture_reader_check(reader, i)
			    : capture_reader_at(reader, i, &chunk);
	int state = err ? -1 : (int)capture_reader_verdict(reader)->state;
	if (!err)
		assert_string_equal(capture_reader_verdict(reader)->reason, "complete");
	capture_reader_free(reader);
	return state;
}

/* Nothing is complete by its index that is not, read through. */
static void assert_not_by_index(const uint8_t *data, size_t size)
{
	int fd = file_of(data, size);

	assert_int_equal(state_by_index(fd, cek), -1);
	close(fd);
}

static int state_of(const uint8_t *data, size_t size, uint64_t *chunks)
{
	int fd = file_of(data, size);
	int state = state_with_key(fd, cek, chunks);
	struct capture_verdict verdict;

	/* the signatures alone tell the same */
	assert_int_equal(capture_verify(fd, &verdict) ? -1 : (int)verdict.state, state);
	close(fd);
	return state;
}

static void a_finished_capture_is_complete(void **state)
{
	struct capture_verdict verdict;
	uint64_t chunks;
	int fd = file_of(reference.data, reference.size);

	(void)state;
	assert_int_equal(state_of(reference.data, reference.size, &chunks), CAPTURE_COMPLETE);
	assert_int_equal(state_by_index(fd, cek), CAPTURE_COMPLETE);
	assert_int_equal(chunks, CHUNKS);
	assert_int_equal(capture_verify(fd, &verdict), 0);
	assert_int_equal(verdict.state, CAPTURE_COMPLETE);
	assert_int_equal(verdict.chunks, CHUNKS);
	close(fd);
}

/* Runs the check on a capture of each shape; the reference is as it was afterwards. */
static void with_each_shape(void (*check)(const struct bytes *capture, size_t chunks))
{
	struct bytes before = reference;
	uint8_t key[CAPTURE_KEY_BYTES];
	size_t boundaries[CHUNKS_MAX + 2];

	memcpy(key, cek, sizeof(key));
	memcpy(boundaries, boundary, sizeof(boundaries));
	for (size_t i = 0; i < SHAPE_COUNT; i++) {
		struct bytes capture = make_capture(cek, &SHAPES[i]);
		check(&capture, SHAPES[i].chunks);
		free(capture.data);
	}
	reference = before;
	memcpy(cek, key, sizeof(key));
	memcpy(boundary, boundaries, sizeof(boundaries));
}

static size_t changed_bits;

static void change_each_bit(const struct bytes *capture, size_t count)
{
	uint64_t chunks;

	(void)count;
	for (size_t bit = 0; bit < capture->size * 8; bit++, changed_bits++) {
		capture->data[bit / 8] ^= 1 << bit % 8;
		int found = state_of(capture->data, capture->size, &chunks);
		/* every 31st by the index, all eight of a byte in turn: it takes its time */
		if (bit % 31 == 0)
			assert_not_by_index(capture->data, capture->size);
		capture->data[bit / 8] ^= 1 << bit % 8;
		/* a body that is changed is tampered with; header and slots do not even open */
		if (bit / 8 >= boundary[0])
			assert_int_equal(found, CAPTURE_TAMPERED);
		else
			assert_int_equal(found, -1);
	}
}

static void no_changed_bit_is_complete(void **state)
{
	(void)state;
	changed_bits = 0;
	with_each_shape(change_each_bit);
	assert_true(changed_bits > 100000);
}

static void cut_everywhere(const struct bytes *capture, size_t count)
{
	uint64_t chunks;

	for (size_t size = 0; size < capture->size; size++) {
		int found = state_of(capture->data, size, &chunks);
		assert_not_by_index(capture->data, size);
		if (size < boundary[0]) {
			assert_int_equal(found, -1);
			continue;
		}
		size_t whole = 0;
		while (whole < count && boundary[whole + 1] <= size)
			whole++;
		assert_int_equal(found, CAPTURE_INCOMPLETE);
		assert_int_equal(chunks, whole);
	}
}

static void every_cut_is_incomplete_up_to_its_last_chunk(void **state)
{
	(void)state;
	with_each_shape(cut_everywhere);
}

static void bytes_after_the_footer_are_tampering(void **state)
{
	uint8_t *longer = malloc(reference.size + 1);
	uint64_t chunks;

	(void)state;
	memcpy(longer, reference.data, reference.size);
	longer[reference.size] = 0;
	assert_int_equal(state_of(longer, reference.size + 1, &chunks), CAPTURE_TAMPERED);
	free(longer);
}

static void a_chunk_that_ends_in_zeros_is_a_crash(void **state)
{
	size_t size = boundary[3];
	uint8_t *torn = malloc(size);
	uint64_t chunks;

	(void)state;
	for (size_t zeros = 16; zeros < boundary[3] - boundary[2]; zeros++) {
		memcpy(torn, reference.data, size);
		memset(torn + size - zeros, 0, zeros);
		assert_int_equal(state_of(torn, size, &chunks), CAPTURE_INCOMPLETE);
		assert_int_equal(chunks, 2);
	}
	free(torn);
}

static void zeros_after_the_last_chunk_are_a_crash(void **state)
{
	uint8_t *longer = calloc(1, boundary[2] + 5000);
	uint64_t chunks;

	(void)state;
	memcpy(longer, reference.data, boundary[2]);
	assert_int_equal(state_of(longer, boundary[2] + 5000, &chunks), CAPTURE_INCOMPLETE);
	assert_int_equal(chunks, 2);
	free(longer);
}

/* Puts chunk `from` of `source` where chunk `to` of the reference is. */
static int state_with_chunk(const struct bytes *source, int from, int to)
{
	struct bytes_buffer file = { 0 };
	uint64_t chunks;

	bytes_put(&file, reference.data, boundary[to]);
	bytes_put(&file, source->data + boundary[from], boundary[from + 1] - boundary[from]);
	bytes_put(&file, reference.data + boundary[to + 1], reference.size - boundary[to + 1]);
	int found = state_of(file.data, file.size, &chunks);
	bytes_free(&file);
	return found;
}

static void chunks_cannot_change_places(void **state)
{
	(void)state;
	for (int from = 0; from < CHUNKS; from++)
		for (int to = 0; to < CHUNKS; to++)
			assert_int_equal(state_with_chunk(&reference, from, to),
					 from == to ? CAPTURE_COMPLETE : CAPTURE_TAMPERED);
}

static void a_chunk_cannot_be_removed(void **state)
{
	(void)state;
	for (int i = 0; i < CHUNKS; i++) {
		struct bytes_buffer file = { 0 };
		uint64_t chunks;
		bytes_put(&file, reference.data, boundary[i]);
		bytes_put(&file, reference.data + boundary[i + 1],
			  reference.size - boundary[i + 1]);
		assert_int_equal(state_of(file.data, file.size, &chunks), CAPTURE_TAMPERED);
		bytes_free(&file);
	}
}

static void another_capture_s_chunk_does_not_fit(void **state)
{
	uint8_t key[CAPTURE_KEY_BYTES];
	size_t before[CHUNKS + 2];
	struct bytes other;

	(void)state;
	memcpy(before, boundary, sizeof(before));
	other = make_capture(key, &SHAPES[0]);
	/* random payloads rarely differ in how they compress */
	while (memcmp(before, boundary, sizeof(before)) != 0) {
		free(other.data);
		other = make_capture(key, &SHAPES[0]);
	}
	for (int i = 0; i < CHUNKS; i++)
		assert_int_equal(state_with_chunk(&other, i, i), CAPTURE_TAMPERED);
	free(other.data);
}

static void a_wrong_key_is_refused(void **state)
{
	int fd = file_of(reference.data, reference.size);
	struct capture_reader *reader;

	(void)state;
	cek[5] ^= 1;
	assert_int_equal(capture_reader_open(fd, cek, &reader), -EKEYREJECTED);
	cek[5] ^= 1;
	close(fd);
}

static void a_capture_not_yet_read_is_not_complete(void **state)
{
	int fd = file_of(reference.data, reference.size);
	struct capture_reader *reader;

	(void)state;
	assert_int_equal(capture_reader_open(fd, cek, &reader), 0);
	assert_int_equal(capture_reader_verdict(reader)->state, CAPTURE_INCOMPLETE);
	capture_reader_free(reader);
	close(fd);
}

static void what_is_no_capture_is_told_so(void **state)
{
	struct capture_header header;
	int empty = memfd_create("empty", 0), pipes[2];
	uint8_t noise[1000];

	(void)state;
	randombytes_buf(noise, sizeof(noise));
	int random = file_of(noise, sizeof(noise));
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(capture_header_read(empty, &header), -ENODATA);
	assert_int_equal(capture_header_read(random, &header), -EBADMSG);
	assert_int_equal(capture_header_read(pipes[0], &header), -EINVAL);
	close(empty);
	close(random);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finished_capture_is_complete),
		cmocka_unit_test(no_changed_bit_is_complete),
		cmocka_unit_test(every_cut_is_incomplete_up_to_its_last_chunk),
		cmocka_unit_test(bytes_after_the_footer_are_tampering),
		cmocka_unit_test(a_chunk_that_ends_in_zeros_is_a_crash),
		cmocka_unit_test(zeros_after_the_last_chunk_are_a_crash),
		cmocka_unit_test(chunks_cannot_change_places),
		cmocka_unit_test(a_chunk_cannot_be_removed),
		cmocka_unit_test(another_capture_s_chunk_does_not_fit),
		cmocka_unit_test(a_wrong_key_is_refused),
		cmocka_unit_test(a_capture_not_yet_read_is_not_complete),
		cmocka_unit_test(what_is_no_capture_is_told_so),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
