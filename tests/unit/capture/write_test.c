// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/io.h"
#include "capture/header.h"
#include "capture/read.h"
#include "capture/seal.h"
#include "capture/write.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static uint8_t cek[CAPTURE_KEY_BYTES];
static uint8_t noise[200000]; /* does not compress */

/* In front of the C library's: some file systems cannot reserve. */
static bool can_reserve = true;
static unsigned reservations;

int fallocate(int fd, int mode, off_t offset, off_t length)
{
	reservations++;
	if (can_reserve)
		return (int)syscall(SYS_fallocate, fd, mode, offset, length);
	errno = EOPNOTSUPP;
	return -1;
}

static int wrap_plain(void *recipient, const uint8_t *secret, size_t size,
		      struct bytes_buffer *slot)
{
	memcpy(recipient, secret + 32, CAPTURE_KEY_BYTES);
	bytes_put(slot, "wrapped", 7);
	return size == CAPTURE_SECRET_BYTES ? 0 : -EINVAL;
}

static int wrap_nothing(void *recipient, const uint8_t *secret, size_t size,
			struct bytes_buffer *slot)
{
	(void)recipient, (void)secret, (void)size, (void)slot;
	return -ENOKEY;
}

static struct capture_writer *begin(int fd)
{
	uint8_t pk[32], sk[64], sig[64], message[HEADER_MESSAGE_BYTES];
	struct capture_writer *writer;
	void *recipients[] = { cek };

	crypto_sign_keypair(pk, sk);
	assert_int_equal(capture_writer_new(fd, pk, wrap_plain, recipients, 1, &writer), 0);
	header_message(capture_writer_header(writer), message);
	crypto_sign_detached(sig, NULL, message, sizeof(message), sk);
	assert_int_equal(capture_writer_begin(writer, sig), 0);
	return writer;
}

static uint64_t size_of(const struct capture_writer *writer)
{
	struct capture_position position;

	capture_writer_position(writer, &position);
	return position.size;
}

/* Reads all of it; the last chunk is the End, of whose payload end takes a copy. */
static uint64_t read_complete(int fd, struct bytes_buffer *end)
{
	struct capture_reader *reader;
	struct chunk chunk = { 0 };
	uint64_t chunks = 0;

	assert_int_equal(capture_reader_open(fd, cek, &reader), 0);
	while (capture_reader_next(reader, &chunk) == 1) {
		chunks++;
		if (end && chunk.type == CHUNK_END)
			bytes_put(end, chunk.raw, chunk.size);
	}
	assert_int_equal(capture_reader_verdict(reader)->state, CAPTURE_COMPLETE);
	capture_reader_free(reader);
	return chunks;
}

static void what_was_appended_is_read(void **state)
{
	static uint8_t big[CAPTURE_RAW_MAX + 1];
	const size_t sizes[] = { 0, 1, sizeof(noise), CAPTURE_RAW_MAX };
	int fd = memfd_create("capture", 0);
	struct capture_writer *writer = begin(fd);
	struct capture_reader *reader;
	struct chunk chunk;

	(void)state;
	memcpy(big, noise, sizeof(noise));
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(capture_writer_append(writer, CHUNK_EVENTS + 2 * i, big, sizes[i]),
				 0);
	assert_int_equal(capture_writer_append(writer, CHUNK_EVENTS, big, sizeof(big)), -EMSGSIZE);
	assert_int_equal(capture_writer_finish(writer, NULL, 0), 0);
	capture_writer_free(writer);
	assert_int_equal(capture_reader_open(fd, cek, &reader), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(capture_reader_next(reader, &chunk), 1);
		assert_int_equal(chunk.type, CHUNK_EVENTS + 2 * i);
		assert_int_equal(chunk.sequence, i);
		assert_int_equal(chunk.size, sizes[i]);
		assert_true(sizes[i] == 0 || memcmp(chunk.raw, big, sizes[i]) == 0);
	}
	assert_int_equal(capture_reader_next(reader, &chunk), 1);
	assert_int_equal(chunk.type, CHUNK_END);
	assert_int_equal(capture_reader_next(reader, &chunk), 0);
	capture_reader_free(reader);
	close(fd);
}

static void the_end_names_every_chunk(void **state)
{
	int fd = memfd_create("capture", 0);
	struct capture_writer *writer = begin(fd);
	struct bytes_buffer end = { 0 };
	struct capture_position after[3];
	uint64_t at[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		at[i] = size_of(writer);
		assert_int_equal(capture_writer_append(writer, CHUNK_NAMES, noise, 10 * i), 0);
		capture_writer_position(writer, &after[i]);
	}
	assert_int_equal(capture_writer_finish(writer, "totals", 6), 0);
	capture_writer_free(writer);
	assert_int_equal(read_complete(fd, &end), 4);

	struct bytes_reader reader = bytes_reader_on(end.data, end.size);
	assert_int_equal(bytes_get_varint(&reader), 6);
	assert_memory_equal(bytes_get(&reader, 6), "totals", 6);
	assert_int_equal(bytes_get_varint(&reader), 3);
	for (size_t i = 0; i < 3; i++) {
		uint8_t header[CHUNK_HEADER_BYTES];
		assert_int_equal(bytes_get_varint(&reader), CHUNK_NAMES);
		assert_int_equal(bytes_get_varint(&reader), at[i]);
		assert_int_equal(io_pread(fd, header, sizeof(header), (off_t)at[i]), 0);
		assert_memory_equal(header, CHUNK_MAGIC, 4);
		struct bytes_reader field = bytes_reader_on(header + CHUNK_CIPHER_SIZE, 4);
		assert_int_equal(bytes_get_varint(&reader), bytes_get_u32(&field));
		assert_int_equal(bytes_get_varint(&reader), 10 * i);
	}
	for (size_t i = 0; i < 3; i++)
		assert_memory_equal(bytes_get(&reader, 32), after[i].chain, 32);
	assert_false(reader.failed);
	assert_int_equal(bytes_left(&reader), 0);
	bytes_free(&end);
	close(fd);
}

static void a_failed_write_is_cut_back_and_never_encrypted_alike(void **state)
{
	int fd = memfd_create("capture", 0);
	struct capture_writer *writer = begin(fd);
	struct rlimit limit = { 0 }, before;
	uint8_t header[CHUNK_HEADER_BYTES];
	struct stat st;

	(void)state;
	can_reserve = false;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(capture_writer_append(writer, CHUNK_EVENTS, noise, 1000), 0);
	uint64_t size = size_of(writer);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit.rlim_max = before.rlim_max;
	limit.rlim_cur = size + 500;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	int first = capture_writer_append(writer, CHUNK_EVENTS, noise, 1000);
	int second = capture_writer_append(writer, CHUNK_EVENTS, noise, 1000);
	setrlimit(RLIMIT_FSIZE, &before);
	can_reserve = true;
	assert_int_equal(first, -EFBIG);
	assert_int_equal(second, -EFBIG);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(capture_writer_append(writer, CHUNK_EVENTS, noise, 1000), 0);
	assert_int_equal(capture_writer_finish(writer, NULL, 0), 0);
	capture_writer_free(writer);
	assert_int_equal(io_pread(fd, header, sizeof(header), (off_t)size), 0);
	assert_int_equal(header[CHUNK_SEQUENCE], 1);
	assert_int_equal(header[CHUNK_ATTEMPT], 2);
	assert_int_equal(read_complete(fd, NULL), 3);
	close(fd);
}

/* A file on a file system of 1 MiB; -1: only root may. */
static int small_disk(char *directory)
{
	char path[64];

	assert_non_null(mkdtemp(directory));
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", directory, "tmpfs", 0, "size=1m")) {
		rmdir(directory);
		return -1;
	}
	snprintf(path, sizeof(path), "%s/capture", directory);
	return open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
}

static void a_full_disk_has_room_for_the_end(void **state)
{
	char directory[] = "/tmp/heaptrail-full-XXXXXX";
	uint64_t appended = 0;
	int err = 0, fd = small_disk(directory);

	(void)state;
	if (fd < 0)
		skip();
	struct capture_writer *writer = begin(fd);
	while (appended < 100 && !err) {
		err = capture_writer_append(writer, CHUNK_EVENTS, noise, 100000);
		appended += !err;
	}
	assert_int_equal(err, -ENOSPC);
	assert_in_range(appended, 5, 10);
	/* all that others left is taken, too */
	int other = open(directory, O_WRONLY | O_TMPFILE, 0600);
	while (write(other, noise, sizeof(noise)) > 0)
		;
	assert_int_equal(capture_writer_finish(writer, noise, 1000), 0);
	capture_writer_free(writer);
	close(other);
	assert_int_equal(read_complete(fd, NULL), appended + 1);
	close(fd);
	umount2(directory, MNT_DETACH);
	rmdir(directory);
}

static void a_finished_file_keeps_no_reserve(void **state)
{
	int fd = memfd_create("capture", 0);
	struct capture_writer *writer = begin(fd);
	struct stat st;

	(void)state;
	assert_int_equal(capture_writer_finish(writer, NULL, 0), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, size_of(writer));
	assert_true(st.st_blocks * 512 < st.st_size + 8192);
	capture_writer_free(writer);
	close(fd);
}

static void room_is_made_for_many_chunks_at_once(void **state)
{
	int fd = memfd_create("capture", 0);
	struct capture_writer *writer = begin(fd);

	(void)state;
	reservations = 0;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(capture_writer_append(writer, CHUNK_EVENTS, noise, 30000), 0);
	assert_in_range(reservations, 2, 4); /* of 1 MiB and more each */
	assert_int_equal(capture_writer_finish(writer, NULL, 0), 0);
	capture_writer_free(writer);
	assert_int_equal(read_complete(fd, NULL), 101);
	close(fd);
}

static void begin_refuses_another_host_s_signature(void **state)
{
	uint8_t pk[32], sk[64], sig[64], message[HEADER_MESSAGE_BYTES];
	int fd = memfd_create("capture", 0);
	struct capture_writer *writer;
	void *recipients[] = { cek };
	struct stat st;

	(void)state;
	crypto_sign_keypair(pk, sk);
	assert_int_equal(capture_writer_new(fd, pk, wrap_plain, recipients, 1, &writer), 0);
	crypto_sign_keypair(pk, sk);
	header_message(capture_writer_header(writer), message);
	crypto_sign_detached(sig, NULL, message, sizeof(message), sk);
	assert_int_equal(capture_writer_begin(writer, sig), -EBADMSG);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	capture_writer_free(writer);
	close(fd);
}

static void an_error_of_wrapping_is_returned(void **state)
{
	struct capture_writer *writer = NULL;
	void *recipients[] = { cek };
	uint8_t pk[32] = { 0 };

	(void)state;
	assert_int_equal(capture_writer_new(-1, pk, wrap_nothing, recipients, 1, &writer), -ENOKEY);
	assert_null(writer);
}

static void a_segment_continues_the_one_before(void **state)
{
	int fd = memfd_create("capture", 0), next_fd = memfd_create("next", 0);
	struct capture_writer *writer = begin(fd), *next;
	struct capture_position end;
	void *recipients[] = { cek };

	(void)state;
	assert_int_equal(capture_writer_finish(writer, NULL, 0), 0);
	capture_writer_position(writer, &end);
	assert_int_equal(capture_writer_next(next_fd, writer, wrap_plain, recipients, 1, &next), 0);
	const uint8_t *first = capture_writer_header(writer), *second = capture_writer_header(next);
	assert_memory_equal(second + HEADER_SERIES_ID, first + HEADER_CAPTURE_ID, 16);
	assert_memory_not_equal(second + HEADER_CAPTURE_ID, first + HEADER_CAPTURE_ID, 16);
	assert_memory_not_equal(second + HEADER_CAPTURE_PK, first + HEADER_CAPTURE_PK, 32);
	assert_memory_equal(second + HEADER_HOST_PK, first + HEADER_HOST_PK, 32);
	assert_memory_equal(second + HEADER_BOOT_ID, first + HEADER_BOOT_ID, 16);
	assert_memory_equal(second + HEADER_PREVIOUS, end.chain, sizeof(end.chain));
	assert_int_equal(second[HEADER_SEGMENT], 1);
	capture_writer_free(writer);
	capture_writer_free(next);
	close(fd);
	close(next_fd);
}

static int set_up(void **state)
{
	(void)state;
	if (sodium_init() < 0)
		return -1;
	randombytes_buf(noise, sizeof(noise));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_appended_is_read),
		cmocka_unit_test(the_end_names_every_chunk),
		cmocka_unit_test(a_failed_write_is_cut_back_and_never_encrypted_alike),
		cmocka_unit_test(a_full_disk_has_room_for_the_end),
		cmocka_unit_test(a_finished_file_keeps_no_reserve),
		cmocka_unit_test(room_is_made_for_many_chunks_at_once),
		cmocka_unit_test(begin_refuses_another_host_s_signature),
		cmocka_unit_test(an_error_of_wrapping_is_returned),
		cmocka_unit_test(a_segment_continues_the_one_before),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
