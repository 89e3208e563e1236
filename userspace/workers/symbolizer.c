// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The symbolizer: module files in, probe sites and names out. The files belong to whoever runs
 * them, and the libraries that read them were not written for enemies. So each request is served by
 * a child of its own that has no rights and little time and memory; the one that stays only waits,
 * never for longer than it wants to, and remembers which files killed.
 */
#include "base/clock.h"
#include "base/functions.h"
#include "base/io.h"
#include "base/map.h"
#include "base/message.h"
#include "symbols/elf.h"
#include "symbols/links.h"
#include "symbols/points.h"
#include "symbols/sites.h"
#include "symbols/unwind_table.h"
#include "workers/symbolizer.h"
#include "workers/worker.h"

#include <elf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WALL_MAX_MS	 15000
#define WALL_MIN_MS	 1000
#define KILL_MAX_MS	 2000
#define PATIENCE_MS	 60000
#define DEATHS_MAX	 3
#define MEMORY_BASE_SIZE (768ull << 20)
#define MODULE_SIZE_MAX	 (4ull << 30)

/* The descriptors of a request, in their order. */
enum {
	FD_MODULE,
	FD_DEBUG,
	FD_COMMON,
	FILE_COUNT, /* those of others */
	FD_IN = FILE_COUNT,
	FD_OUT,
	FD_COUNT
};

/* What one request is about. */
struct job {
	const struct message *message;
	const struct symbolizer_request *request;
	uint64_t key;	     /* of its files */
	uint64_t files_size; /* bytes */
	bool is_doubtful;    /* others than root can change a file */
};

static struct map deaths; /* file identity -> how many children it killed */

/* What children may yet take that do not end well: many bad files must not cost minutes each. */
static int64_t patience_ms = PATIENCE_MS;

static int read_functions(int in, uint32_t count)
{
	int err = count > USER_FUNCTIONS_MAX ? -EPROTO : 0;

	for (uint32_t i = 0; !err && i < count; i++) {
		struct user_function user;
		err = io_pread(in, &user, sizeof(user), (off_t)(i * sizeof(user)));
		if (!err)
			err = functions_add(&user);
	}
	return err;
}

static int inspect(const struct message *request, uint32_t function_count)
{
	static struct probe_site sites[MODULE_SITES_MAX];
	struct module_inspection inspection = { 0 };
	struct elf *elf = NULL;
	int module = request->fds[FD_MODULE], out = request->fds[FD_OUT];
	int err = read_functions(request->fds[FD_IN], function_count);

	if (!err)
		err = elf_identify(module, &inspection.elf_class, &inspection.machine);
	if (!err)
		err = elf_open(module, &elf);
	if (err == -ENOTSUP) /* its class and machine are the answer */
		err = 0;
	if (!err && elf) {
		inspection.build_id_size = elf_build_id(elf, inspection.build_id);
		links_read(elf, &inspection.links);
		sites_find(elf, sites, &inspection.site_count, &inspection.refused);
		points_find(elf, sites, &inspection.site_count, &inspection.refused_points,
			    &inspection.refused_marks);
	}
	if (!err)
		err = io_pwrite(out, &inspection, sizeof(inspection), 0);
	if (!err)
		err = io_pwrite(out, sites, inspection.site_count * sizeof(sites[0]),
				sizeof(inspection));
	elf_close(elf);
	return err;
}

static int compile_table(const struct message *request, bool is_whole)
{
	struct bytes_buffer table = { 0 };
	struct elf *elf = NULL;
	int err = elf_open(request->fds[FD_MODULE], &elf);

	if (!err)
		err = unwind_table_compile(elf, is_whole, &table);
	if (!err)
		err = io_pwrite(request->fds[FD_OUT], table.data, table.size, 0);
	bytes_free(&table);
	elf_close(elf);
	return err;
}

static int serve(const struct message *message, bool has_debug_info)
{
	const struct symbolizer_request *request = (const void *)message->body;

	switch (request->kind) {
	case SYMBOLIZER_INSPECT: return inspect(message, request->count);
	case SYMBOLIZER_TABLE: return compile_table(message, request->count == 1);
	case SYMBOLIZER_NAMES:
		return symbolizer_name(
			&(struct symbolizer_files) {
				.module = message->fds[FD_MODULE],
				.debug = message->fds[FD_DEBUG],
				.common = message->fds[FD_COMMON],
				.in = message->fds[FD_IN],
				.out = message->fds[FD_OUT],
			},
			request->count, has_debug_info);
	case SYMBOLIZER_LINKS:
		return symbolizer_links(message->fds[FD_MODULE], message->fds[FD_OUT]);
	case SYMBOLIZER_PERF_MAP:
		return symbolizer_name_by_map(message->fds[FD_MODULE], message->fds[FD_IN],
					      request->count, message->fds[FD_OUT]);
	}
	return -EPROTO;
}

static void limit_memory(uint64_t files_size)
{
#ifndef HEAPTRAIL_SANITIZE /* its shadow alone is larger than any limit */
	uint64_t size = 2 * files_size + MEMORY_BASE_SIZE;
	struct rlimit limit = { size, size };

	if (setrlimit(RLIMIT_AS, &limit))
		_exit(ENOMEM);
#else
	(void)files_size;
#endif
}

static _Noreturn void child(const struct job *job, bool has_debug_info)
{
	struct message message = *job->message;

	close(WORKER_SOCKET);
	/* nobody else waits for it, or ends it in time */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGXFSZ, SIG_IGN);
	limit_memory(job->files_size);
	worker_confine("symbolizer-child");
	int err = 0;
	for (size_t i = 0; !err && i < FILE_COUNT; i++)
		err = symbolizer_steady(&message.fds[i]);
	if (!err)
		err = serve(&message, has_debug_info);
	/* an errno fits into an exit status */
	_exit(-err & 0xff);
}

/* Why a child that was killed was. */
static int death_error(int signal)
{
	switch (signal) {
	case SIGKILL: /* the limit of CPU time, or ours */
	case SIGXCPU: return ETIMEDOUT;
	case SIGABRT: return ENOMEM; /* libdw has no other way to say it */
	case SIGBUS: return ESTALE;
	}
	return ECHILD;
}

/*
 * Waits for the end of a child. One that hangs in the kernel, as on a file system that does not
 * answer, cannot even be killed: it is left behind, and reaped when it is ready.
 */
static void wait_for(pid_t pid, int wall_ms, struct symbolizer_reply *reply)
{
	struct pollfd end = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int status = 0, has_ended = 1;
	pid_t ended = 0;

	/* without a pidfd the limit of CPU time is all there is */
	if (end.fd >= 0)
		has_ended = poll(&end, 1, wall_ms);
	if (has_ended == 0) {
		kill(pid, SIGKILL);
		has_ended = poll(&end, 1, KILL_MAX_MS);
	}
	/* whoever debugs it is told of its end before we are */
	do
		ended = waitpid(pid, &status, has_ended == 1 ? 0 : WNOHANG);
	while (ended < 0 && errno == EINTR);
	io_close(&end.fd);
	if (ended != pid)
		reply->signal = SIGKILL;
	else if (WIFSIGNALED(status))
		reply->signal = WTERMSIG(status);
	else
		reply->error = WEXITSTATUS(status);
	if (reply->signal)
		reply->error = death_error(reply->signal);
}

static int wall_ms_for(const struct job *job)
{
	if (!job->is_doubtful || patience_ms > WALL_MAX_MS)
		return WALL_MAX_MS;
	return patience_ms > WALL_MIN_MS ? (int)patience_ms : WALL_MIN_MS;
}

static void note_death(uint64_t key, uint64_t start_ns)
{
	uint64_t *count = map_get(&deaths, key);

	patience_ms -= (int64_t)((clock_now_ns() - start_ns) / 1000000);
	if (count)
		(*count)++;
	else
		(void)map_put(&deaths, key, 1);
}

static uint64_t deaths_by(uint64_t key)
{
	const uint64_t *count = map_get(&deaths, key);

	return count ? *count : 0;
}

/* One child, from its start to its end. */
static void delegate(const struct job *job, bool has_debug_info, struct symbolizer_reply *reply)
{
	uint64_t start_ns = clock_now_ns();

	*reply = (struct symbolizer_reply) { 0 };
	while (waitpid(-1, NULL, WNOHANG) > 0) /* those left behind */
		;
	/* an answer that one before it gave, and died, may be longer */
	if (ftruncate(job->message->fds[FD_OUT], 0)) {
		reply->error = errno;
		return;
	}
	pid_t pid = fork();
	if (pid == 0)
		child(job, has_debug_info);
	if (pid < 0) {
		reply->error = errno;
		return;
	}
	wait_for(pid, wall_ms_for(job), reply);
	if (reply->signal)
		note_death(has_debug_info ? hash_u64(job->key) : job->key, start_ns);
}

/* Debug information that kills, once, must not cost the names that symbols give. */
static void delegate_names(const struct job *job, struct symbolizer_reply *reply)
{
	int32_t reduced = deaths_by(hash_u64(job->key)) ? EKEYREJECTED : 0;

	if (!reduced)
		delegate(job, true, reply);
	if (!reduced && !reply->error)
		return;
	if (!reduced)
		reduced = reply->error;
	delegate(job, false, reply);
	reply->reduced = reduced;
}

/* 0, or the errno for which no child reads these files. */
static int plan(const struct message *message, struct job *job)
{
	struct stat st;

	*job = (struct job) { .message = message, .request = (const void *)message->body };
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (fstat(message->fds[i], &st))
			return errno;
		if (i == FD_MODULE && !S_ISREG(st.st_mode))
			return EMEDIUMTYPE;
		job->key = hash_u64(hash_u64(job->key ^ st.st_dev) ^ st.st_ino);
		job->is_doubtful |= symbolizer_is_doubtful(&st);
		if (!S_ISREG(st.st_mode))
			continue;
		if ((uint64_t)st.st_size > MODULE_SIZE_MAX - job->files_size)
			return EFBIG;
		job->files_size += (uint64_t)st.st_size;
	}
	job->key += !job->key;
	return deaths_by(job->key) >= DEATHS_MAX ? EKEYREJECTED : 0;
}

static struct symbolizer_reply answer(const struct message *message)
{
	struct symbolizer_reply reply = { 0 };
	struct stat out;
	struct job job;

	reply.error = plan(message, &job);
	if (reply.error)
		return reply;
	if (job.request->kind == SYMBOLIZER_NAMES)
		delegate_names(&job, &reply);
	else
		delegate(&job, false, &reply);
	if (!reply.error && fstat(message->fds[FD_OUT], &out) == 0)
		reply.out_size = (uint64_t)out.st_size;
	return reply;
}

int main(void)
{
	static const struct message_rule RULES[] = {
		{ SYMBOLIZER_REQUEST, sizeof(struct symbolizer_request), FD_COUNT },
	};
	static struct message message;

	worker_begin("symbolizer");
	worker_leave_root("symbolizer");
	worker_confine("symbolizer");
	for (;;) {
		int err = message_recv(WORKER_SOCKET, RULES, 1, &message);
		if (err)
			return err == -EPIPE ? 0 : 1;
		struct symbolizer_reply reply = answer(&message);
		message_close_fds(&message);
		err = message_send(WORKER_SOCKET, SYMBOLIZER_REPLY, &reply, sizeof(reply), NULL, 0);
		if (err)
			return err == -EPIPE ? 0 : 1;
	}
}
