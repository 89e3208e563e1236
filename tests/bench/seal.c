// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * seal [FILE...]: how fast captures are sealed and opened in memory, against zstd level 1 alone
 * over the same bytes: the events of a server, as the writer encodes and flushes them, and the
 * files in chunks of 256 KiB (by default this program and the C library). What the cryptography
 * takes by itself is told, too. Medians of interleaved rounds, on one CPU.
 */
#include "base/bytes.h"
#include "base/io.h"
#include "capture/header.h"
#include "capture/read.h"
#include "capture/seal.h"
#include "capture/write.h"
#include "tests/bench/server.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#define FILE_CHUNK_BYTES 262144
#define EVENTS		 2000000
#define STACKS		 50000
#define CHUNKS_MAX	 4096
#define ROUNDS		 15

enum step {
	COMPRESS,
	CRYPT,
	SEAL,
	VERIFY,
	OPEN,
	STEPS
};

static const char *const NAMES[STEPS] = { "zstd 1 alone", "cryptography alone", "seal",
					  "verify without a key", "open" };

/* What goes into a capture, and where its chunks end. */
static struct bytes_buffer input;
static size_t ends[CHUNKS_MAX], chunk_count;
static size_t packed_sizes[CHUNKS_MAX]; /* by zstd 1 alone */

static uint8_t packed[2 * CAPTURE_RAW_MAX];
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

static void end_chunk(void)
{
	demand(!input.failed && chunk_count < CHUNKS_MAX, "room for chunks");
	ends[chunk_count++] = input.size;
}

static void forget_chunks(void)
{
	input.size = chunk_count = 0;
}

static void add_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	demand(fd >= 0 && !fstat(fd, &st), path);
	uint8_t *bytes = malloc((size_t)st.st_size);
	demand(bytes && !io_pread(fd, bytes, (size_t)st.st_size, 0), path);
	for (off_t at = 0; at < st.st_size; at += FILE_CHUNK_BYTES) {
		off_t left = st.st_size - at;
		bytes_put(&input, bytes + at, left < FILE_CHUNK_BYTES ? left : FILE_CHUNK_BYTES);
		end_chunk();
	}
	free(bytes);
	close(fd);
}

static void add_events(void)
{
	static struct capture_event events[CAPTURE_EVENTS_MAX];
	struct server *server = calloc(1, sizeof(*server));

	demand(server, "memory");
	for (size_t done = 0; done < EVENTS; done += CAPTURE_EVENTS_MAX) {
		for (size_t i = 0; i < CAPTURE_EVENTS_MAX; i++)
			server_event(server, STACKS, &events[i]);
		capture_events_encode(&input, events, CAPTURE_EVENTS_MAX);
		end_chunk();
	}
	free(server);
}

static int keep_key(void *key, const uint8_t *secret, size_t size, struct bytes_buffer *slot)
{
	memcpy(key, secret + size - CAPTURE_KEY_BYTES, CAPTURE_KEY_BYTES);
	bytes_put(slot, "key", 3);
	return 0;
}

static size_t chunk_begin(size_t i)
{
	return i ? ends[i - 1] : 0;
}

static void compress_all(ZSTD_CCtx *context)
{
	for (size_t i = 0; i < chunk_count; i++) {
		packed_sizes[i] = ZSTD_compressCCtx(context, packed, sizeof(packed),
						    input.data + chunk_begin(i),
						    ends[i] - chunk_begin(i), 1);
		demand(!ZSTD_isError(packed_sizes[i]), NAMES[COMPRESS]);
	}
}

/* Of as many bytes as zstd makes. */
static void crypt_all(void)
{
	static const struct seal_keys KEYS;
	uint8_t header[CHUNK_HEADER_BYTES] = { 0 }, chain[SEAL_HASH_BYTES] = { 0 };
	uint8_t pk[32], sk[64], sig[SEAL_SIGN_BYTES];

	crypto_sign_keypair(pk, sk);
	for (size_t i = 0; i < chunk_count; i++) {
		seal_htag(&KEYS, chain, header, header + CHUNK_HTAG);
		seal_encrypt(&KEYS, header, packed, packed_sizes[i], packed);
		seal_chain_step(chain, header, packed, packed_sizes[i] + SEAL_TAG_BYTES);
		seal_sign_chunk(sk, header, i, chain, sig);
	}
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
	for (size_t i = 0; i < chunk_count; i++)
		demand(!capture_writer_append(writer, CHUNK_EVENTS, input.data + chunk_begin(i),
					      ends[i] - chunk_begin(i)),
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

static void run(ZSTD_CCtx *context, int round)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	uint8_t cek[CAPTURE_KEY_BYTES];

	demand(fd >= 0, "memfd_create");
	for (enum step step = COMPRESS; step < STEPS; step++) {
		uint64_t begin = now_ns();
		switch (step) {
		case COMPRESS: compress_all(context); break;
		case CRYPT: crypt_all(); break;
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

/* Of everything that was added. */
static void measure(const char *what)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t packed_size = 0;

	demand(context && chunk_count, "start");
	for (int round = 0; round < ROUNDS; round++)
		run(context, round);
	ZSTD_freeCCtx(context);
	for (size_t i = 0; i < chunk_count; i++)
		packed_size += packed_sizes[i];
	for (enum step step = COMPRESS; step < STEPS; step++)
		qsort(times_ns[step], ROUNDS, sizeof(times_ns[step][0]), by_time);
	printf("%s: %.1f MB in %zu chunks, %.2f of that by zstd 1\n", what,
	       (double)input.size / 1e6, chunk_count, (double)packed_size / (double)input.size);
	for (enum step step = COMPRESS; step < STEPS; step++) {
		double ns = (double)times_ns[step][ROUNDS / 2];
		printf("  %-21s %6.0f MB/s  %.2f of zstd's time\n", NAMES[step],
		       (double)input.size * 1e3 / ns, ns / (double)times_ns[COMPRESS][ROUNDS / 2]);
	}
	forget_chunks();
}

int main(int argc, char **argv)
{
	demand(sodium_init() >= 0, "start");
	for (int i = 1; i < argc; i++)
		add_file(argv[i]);
	if (argc > 1) {
		measure("files");
	} else {
		add_events();
		measure("events of a server");
		add_file("/proc/self/exe");
		add_file("/usr/lib/x86_64-linux-gnu/libc.so.6");
		measure("programs");
	}
	bytes_free(&input);
	return 0;
}
