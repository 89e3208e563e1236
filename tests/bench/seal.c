// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * seal [FILE...]: how fast captures are sealed and opened in memory, against zstd level 1 alone
 * over the same bytes. Chunks of 256 KiB, as the writer flushes them, of the files (by default this
 * program and the C library); medians of interleaved rounds, on one CPU.
 */
#include "base/bytes.h"
#include "base/io.h"
#include "capture/compress.h"
#include "capture/header.h"
#include "capture/read.h"
#include "capture/write.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES 262144
#define ROUNDS	    15

enum step {
	COMPRESS,
	SEAL,
	VERIFY,
	OPEN,
	STEPS
};

static const char *const NAMES[STEPS] = { "zstd 1 alone", "seal", "verify without a key", "open" };

static struct bytes_buffer input;
static uint8_t packed[2 * CHUNK_BYTES];
static uint64_t times_ns[STEPS][ROUNDS];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void demand(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "seal: %s: failed\n", what);
	exit(1);
}

static void add_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	demand(fd >= 0 && !fstat(fd, &st), path);
	uint8_t *bytes = malloc((size_t)st.st_size);
	demand(bytes && !io_pread(fd, bytes, (size_t)st.st_size, 0), path);
	bytes_put(&input, bytes, (size_t)st.st_size);
	free(bytes);
	close(fd);
}

static int keep_key(void *key, const uint8_t *secret, size_t size, struct bytes_buffer *slot)
{
	memcpy(key, secret + size - CAPTURE_KEY_BYTES, CAPTURE_KEY_BYTES);
	bytes_put(slot, "key", 3);
	return 0;
}

static size_t chunk_size(size_t at)
{
	return input.size - at < CHUNK_BYTES ? input.size - at : CHUNK_BYTES;
}

static void compress_all(struct compressor *compressor)
{
	size_t size;

	for (size_t at = 0; at < input.size; at += CHUNK_BYTES)
		demand(!compress_pack(compressor, input.data + at, chunk_size(at), packed,
				      sizeof(packed), &size),
		       NAMES[COMPRESS]);
}

static void seal_all(int fd, uint8_t cek[static CAPTURE_KEY_BYTES])
{
	uint8_t pk[32], sk[64], sig[64], message[HEADER_MESSAGE_BYTES];
	void *recipients[] = { cek };
	struct capture_writer *writer;

	crypto_sign_keypair(pk, sk);
	demand(!capture_writer_new(fd, pk, keep_key, recipients, 1, &writer), NAMES[SEAL]);
	header_message(capture_writer_header(writer), message);
	crypto_sign_detached(sig, NULL, message, sizeof(message), sk);
	demand(!capture_writer_begin(writer, sig), NAMES[SEAL]);
	for (size_t at = 0; at < input.size; at += CHUNK_BYTES)
		demand(!capture_writer_append(writer, CHUNK_EVENTS, input.data + at,
					      chunk_size(at)),
		       NAMES[SEAL]);
	demand(!capture_writer_finish(writer, NULL, 0), NAMES[SEAL]);
	capture_writer_free(writer);
}

static void verify_all(int fd)
{
	struct capture_verdict verdict;

	demand(!capture_verify(fd, &verdict) && verdict.state == CAPTURE_COMPLETE, NAMES[VERIFY]);
}

static void open_all(int fd, const uint8_t cek[static CAPTURE_KEY_BYTES])
{
	struct capture_reader *reader;
	struct chunk chunk;

	demand(!capture_reader_open(fd, cek, &reader), NAMES[OPEN]);
	while (capture_reader_next(reader, &chunk) == 1)
		;
	demand(capture_reader_verdict(reader)->state == CAPTURE_COMPLETE, NAMES[OPEN]);
	capture_reader_free(reader);
}

static void run(struct compressor *compressor, int round)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	uint8_t cek[CAPTURE_KEY_BYTES];

	demand(fd >= 0, "memfd_create");
	for (enum step step = COMPRESS; step < STEPS; step++) {
		uint64_t begin = now_ns();
		switch (step) {
		case COMPRESS: compress_all(compressor); break;
		case SEAL: seal_all(fd, cek); break;
		case VERIFY: verify_all(fd); break;
		default: open_all(fd, cek); break;
		}
		times_ns[step][round] = now_ns() - begin;
	}
	close(fd);
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct compressor *compressor = compressor_new();

	demand(compressor && sodium_init() >= 0, "start");
	if (argc < 2) {
		add_file("/proc/self/exe");
		add_file("/usr/lib/x86_64-linux-gnu/libc.so.6");
	}
	for (int i = 1; i < argc; i++)
		add_file(argv[i]);
	demand(!input.failed && input.size, "reading the files");
	for (int round = 0; round < ROUNDS; round++)
		run(compressor, round);
	for (enum step step = COMPRESS; step < STEPS; step++)
		qsort(times_ns[step], ROUNDS, sizeof(times_ns[step][0]), by_time);
	for (enum step step = COMPRESS; step < STEPS; step++) {
		double ns = (double)times_ns[step][ROUNDS / 2];
		printf("%-21s %6.0f MB/s  %.2f of zstd's time\n", NAMES[step],
		       (double)input.size * 1e3 / ns, ns / (double)times_ns[COMPRESS][ROUNDS / 2]);
	}
	compressor_free(compressor);
	bytes_free(&input);
	return 0;
}
