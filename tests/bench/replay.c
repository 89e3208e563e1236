// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * replay [EVENTS [STACKS [FILE]]]: makes a capture of so many events (default 10 million of 50,000
 * stacks), in memory or as FILE, and reads it as a report does, step by step: verified and
 * decrypted, decompressed and decoded, replayed. CPU time of each, per event. Then the reader is
 * asked for a report: from the capture's summary, at once and with all chunks verified; by a
 * replay; and for one of a tenth of the time. How long that takes, what each of its two processes
 * takes of a CPU, and how much memory, which must not grow with the capture.
 */
#include "analysis/model.h"
#include "analysis/summary.h"
#include "base/frame.h"
#include "base/io.h"
#include "base/message.h"
#include "capture/header.h"
#include "capture/read.h"
#include "capture/write.h"
#include "tests/bench/server.h"
#include "workers/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_EVENTS_COUNT 65536
#define MEMORY_MAX_MIB	   512

static uint8_t key[CAPTURE_KEY_BYTES];
static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void demand(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "replay: %s: failed\n", what);
	exit(1);
}

/* A recipient that takes the key in the clear. */
static int wrap_plain(void *recipient, const uint8_t *secret, size_t size,
		      struct bytes_buffer *slot)
{
	(void)size;
	memcpy(recipient, secret + 32, CAPTURE_KEY_BYTES);
	bytes_put(slot, "wrapped", 7);
	return 0;
}

static void append(struct capture_writer *writer, enum chunk_type type, struct bytes_buffer *bytes)
{
	demand(!bytes->failed && capture_writer_append(writer, type, bytes->data, bytes->size) == 0,
	       "a chunk");
	bytes->size = 0;
}

static void write_tables(struct capture_writer *writer, uint32_t stacks, struct model *model)
{
	static struct stack_record stack;
	struct bytes_buffer out = { 0 };

	for (uint32_t i = 1; i <= SERVER_THREADS; i++)
		thread_record_put(&out, &(struct thread_record) { .id = i,
								  .pid = 100,
								  .tid = 99 + i,
								  .comm = (char *)"worker" });
	demand(model_feed(model, CHUNK_THREADS, out.data, out.size) == 0, "threads");
	append(writer, CHUNK_THREADS, &out);
	for (uint32_t i = 1; i <= stacks; i++) {
		stack = (struct stack_record) { .id = i, .frame_count = 20 };
		for (uint32_t k = 0; k < 20; k++)
			stack.frames[k] = (struct record_frame) {
				.module = 0, .offset = 0x400000 + (k < 4 ? i * 64 : k * 64)
			};
		stack_record_put(&out, &stack);
		if (out.size > 1 << 20 || i == stacks)
			append(writer, CHUNK_STACKS, &out);
	}
	bytes_free(&out);
}

static int append_summary(void *writer, const struct bytes_buffer *payload)
{
	return capture_writer_append(writer, CHUNK_SUMMARY, payload->data, payload->size);
}

/* As the recorder does. How many chunks. */
static uint64_t write_summary(struct capture_writer *writer, struct model *model, uint64_t end_ns)
{
	struct capture_position before, after;

	model->end.duration_ns = end_ns;
	model->has_end = true;
	model_finish(model);
	capture_writer_position(writer, &before);
	demand(summary_put(model, NULL, 0, append_summary, writer) == 0, "a summary");
	capture_writer_position(writer, &after);
	model_close(model);
	return after.sequence - before.sequence;
}

/* Bytes; *end_ns: when it ends. */
static uint64_t make_capture(int fd, uint64_t events, uint32_t stacks, uint64_t *end_ns)
{
	uint8_t pk[32], sk[64], sig[64], message[HEADER_MESSAGE_BYTES];
	static struct capture_event chunk[CHUNK_EVENTS_COUNT];
	struct server *server = calloc(1, sizeof(*server));
	void *recipients[] = { key };
	struct bytes_buffer out = { 0 };
	struct capture_position position;
	struct capture_writer *writer;
	static const struct filter EVERYTHING = FILTER_NONE;
	struct model model;

	demand(model_open(&model, &EVERYTHING) == 0, "a model");
	demand(server && sodium_init() >= 0, "memory");
	crypto_sign_keypair(pk, sk);
	demand(capture_writer_new(fd, pk, wrap_plain, recipients, 1, &writer) == 0, "a capture");
	header_message(capture_writer_header(writer), message);
	crypto_sign_detached(sig, NULL, message, sizeof(message), sk);
	demand(capture_writer_begin(writer, sig) == 0, "its beginning");
	write_tables(writer, stacks, &model);
	for (uint64_t done = 0; done < events;) {
		size_t count = events - done < CHUNK_EVENTS_COUNT ? (size_t)(events - done)
								  : CHUNK_EVENTS_COUNT;
		for (size_t i = 0; i < count; i++)
			server_event(server, stacks, &chunk[i]);
		capture_events_encode(&out, chunk, count);
		append(writer, CHUNK_EVENTS, &out);
		demand(model_feed_events(&model, chunk, count) == 0, "its sums");
		done += count;
	}
	uint64_t summary_chunks = write_summary(writer, &model, server->time_ns);
	end_record_put(&out, &(struct end_record) { .duration_ns = server->time_ns,
						    .summary_chunks = summary_chunks,
						    .events_written = events,
						    .events_emitted = events,
						    .reason = "stopped" });
	demand(capture_writer_finish(writer, out.data, out.size) == 0, "its end");
	capture_writer_position(writer, &position);
	*end_ns = server->time_ns;
	capture_writer_free(writer);
	bytes_free(&out);
	free(server);
	return position.size;
}

/* What is done with each chunk: nothing, decoded, replayed. */
static double read_capture(int fd, int depth, struct model *model)
{
	static struct capture_event events[CAPTURE_EVENTS_MAX];
	static const struct filter EVERYTHING = FILTER_NONE;
	struct capture_reader *reader;
	struct chunk chunk;
	double start = now_s();
	int more;

	demand(model_open(model, &EVERYTHING) == 0, "a model");
	demand(capture_reader_open(fd, key, &reader) == 0, "opening");
	while ((more = capture_reader_next(reader, &chunk)) == 1) {
		size_t count;
		if (depth == 1 && chunk.type == CHUNK_EVENTS)
			demand(capture_events_decode(chunk.raw, chunk.size, events, &count) == 0,
			       "decoding");
		if (depth == 2)
			demand(model_feed(model, chunk.type, chunk.raw, chunk.size) == 0,
			       "replaying");
	}
	demand(more == 0 && capture_reader_verdict(reader)->state == CAPTURE_COMPLETE, "reading");
	capture_reader_free(reader);
	return now_s() - start;
}

static pid_t start_reader(const char *program, int *socket)
{
	int pair[2];

	demand(message_pair(pair) == 0, "a socket");
	pid_t pid = fork();
	demand(pid >= 0, "a process");
	if (pid == 0) {
		if (dup2(pair[1], WORKER_SOCKET) == WORKER_SOCKET)
			execl(program, program, (char *)NULL);
		_exit(127);
	}
	close(pair[1]);
	*socket = pair[0];
	return pid;
}

static double cpu_s(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

/* As the vault and a command do together. */
static void ask_reader(const char *program, int fd, uint64_t events, const char *what,
		       const char *question)
{
	struct reader_start start;
	struct timespec from, to;
	int socket, asker[2], status;
	struct rusage replays, reads;
	size_t size;
	char *answer;

	pid_t pid = start_reader(program, &socket);
	memcpy(start.key, key, sizeof(key));
	clock_gettime(CLOCK_MONOTONIC, &from);
	demand(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, asker) == 0, "a socket");
	demand(message_send(socket, READER_START, &start, sizeof(start), (int[]) { fd, asker[1] },
			    2) == 0,
	       "starting the reader");
	close(asker[1]);
	demand(frame_send(asker[0], question, strlen(question)) == 0, "asking");
	demand(frame_recv(asker[0], ANSWER_MAX, &answer, &size) == 0, "an answer");
	clock_gettime(CLOCK_MONOTONIC, &to);
	demand(strstr(answer, "\"rows_total\":") != NULL, answer);
	free(answer);
	close(asker[0]);
	demand(wait4(pid, &status, 0, &replays) == pid && status == 0, "the reader's end");
	demand(wait4(-1, &status, 0, &reads) > 0 && status == 0, "its other half's end");
	close(socket);
	double seconds = (double)(to.tv_sec - from.tv_sec) +
			 (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	long mib = (reads.ru_maxrss + replays.ru_maxrss) >> 10;
	printf("%s %7.3f s, %5.1f ns an event, %.1f million events/s; its halves take %.1f and %.1f ns of "
	       "CPU, and %ld MiB\n",
	       what, seconds, seconds / (double)events * 1e9, (double)events / seconds / 1e6,
	       cpu_s(&reads) / (double)events * 1e9, cpu_s(&replays) / (double)events * 1e9, mib);
	demand(mib < MEMORY_MAX_MIB, "less than 512 MiB of memory");
}

int main(int argc, char **argv)
{
	uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 0) : 10000000;
	uint32_t stacks = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 50000;
	int fd = argc > 3 ? open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
			  : memfd_create("capture", MFD_CLOEXEC);
	static struct model model;
	double steps[3];
	uint64_t end_ns;

	demand(fd >= 0 && events && stacks, "arguments");
	uint64_t size = make_capture(fd, events, stacks, &end_ns);
	printf("%" PRIu64 " events of %u stacks: %.2f bytes an event\n", events, stacks,
	       (double)size / (double)events);
	for (int depth = 0; depth < 3; depth++) {
		steps[depth] = read_capture(fd, depth, &model);
		if (depth < 2)
			model_close(&model);
	}
	printf("verify, decrypt, decompress %5.1f ns an event\n", steps[0] / (double)events * 1e9);
	printf("decode                      %5.1f ns\n",
	       (steps[1] - steps[0]) / (double)events * 1e9);
	printf("replay                      %5.1f ns\n",
	       (steps[2] - steps[1]) / (double)events * 1e9);
	printf("all                         %5.1f ns, %.1f million events/s on one CPU; live %" PRIu64
	       " blocks\n",
	       steps[2] / (double)events * 1e9, (double)events / steps[2] / 1e6,
	       model_totals(&model)->live_blocks);
	model_close(&model);
	fflush(stdout);
	char *slash = strrchr(argv[0], '/'), program[4096];
	snprintf(program, sizeof(program), "%.*s/../workers/heaptrail-reader",
		 slash ? (int)(slash - argv[0]) : 1, slash ? argv[0] : ".");
	/* the half that the reader starts is then waited for here */
	demand(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "waiting for grandchildren");
	ask_reader(program, fd, events, "a first answer, by --quick ",
		   "{\"ask\": \"report\", \"limit\": 20, \"read\": \"quick\"}");
	ask_reader(program, fd, events, "a report, all verified     ",
		   "{\"ask\": \"report\", \"limit\": 20}");
	ask_reader(program, fd, events, "a report by a replay       ",
		   "{\"ask\": \"report\", \"limit\": 20, \"read\": \"replay\"}");
	char question[256];
	snprintf(question, sizeof(question),
		 "{\"ask\": \"report\", \"limit\": 20, \"filter\": {\"from_ns\": %" PRIu64
		 ", \"to_ns\": %" PRIu64 "}}",
		 end_ns / 10 * 4, end_ns / 10 * 5);
	ask_reader(program, fd, events, "and of a tenth of its time ", question);
	return 0;
}
