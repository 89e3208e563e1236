// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The symbolizer: module files in, probe sites and names out. The files belong to whoever runs
 * them, and the libraries that read them were not written for enemies. So each request is served by
 * a child of its own that has no rights and little time and memory; the one that stays only waits,
 * and remembers which files killed.
 */
#include "base/io.h"
#include "base/map.h"
#include "base/message.h"
#include "symbols/elf.h"
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
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WALL_MAX_MS	 15000
#define DEATHS_MAX	 3
#define MEMORY_BASE_SIZE (768ull << 20)
#define MODULE_SIZE_MAX	 (4ull << 30)

/* The descriptors of a request, in their order. */
enum {
	FD_MODULE,
	FD_DEBUG,
	FD_IN,
	FD_OUT,
	FD_COUNT
};

static struct map deaths; /* file identity -> how many children it killed */

static int inspect(const struct message *request)
{
	static struct probe_site sites[MODULE_SITES_MAX];
	struct module_inspection inspection = { 0 };
	struct elf *elf = NULL;
	int module = request->fds[FD_MODULE], out = request->fds[FD_OUT];
	int err = elf_identify(module, &inspection.elf_class, &inspection.machine);

	if (!err)
		err = elf_open(module, &elf);
	if (err == -ENOTSUP) /* its class and machine are the answer */
		err = 0;
	if (!err && elf) {
		inspection.build_id_size = elf_build_id(elf, inspection.build_id);
		sites_find(elf, sites, &inspection.site_count, &inspection.refused);
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
	case SYMBOLIZER_INSPECT: return inspect(message);
	case SYMBOLIZER_TABLE: return compile_table(message, request->count == 1);
	case SYMBOLIZER_NAMES:
		return symbolizer_name(message->fds[FD_MODULE], message->fds[FD_DEBUG],
				       message->fds[FD_IN], request->count, has_debug_info,
				       message->fds[FD_OUT]);
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

static _Noreturn void child(const struct message *message, uint64_t files_size, bool has_debug_info)
{
	close(WORKER_SOCKET);
	signal(SIGXFSZ, SIG_IGN);
	limit_memory(files_size);
	worker_confine("symbolizer-child");
	/* an errno fits into an exit status */
	_exit(-serve(message, has_debug_info) & 0xff);
}

static int wait_for(pid_t pid)
{
	struct pollfd end = { .fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN };
	int status = 0;

	/* without a pidfd the limit of CPU time is all there is */
	if (end.fd >= 0 && poll(&end, 1, WALL_MAX_MS) == 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	io_close(&end.fd);
	return status;
}

/* One child, from its start to its end. */
static void delegate(const struct message *message, uint64_t files_size, bool has_debug_info,
		     struct symbolizer_reply *reply)
{
	*reply = (struct symbolizer_reply) { 0 };
	pid_t pid = fork();
	if (pid == 0)
		child(message, files_size, has_debug_info);
	if (pid < 0) {
		reply->error = errno;
		return;
	}
	int status = wait_for(pid);
	if (WIFSIGNALED(status))
		reply->signal = WTERMSIG(status);
	else
		reply->error = WEXITSTATUS(status);
}

static uint64_t file_key(const struct stat *module, const struct stat *debug)
{
	uint64_t key = hash_u64(module->st_dev);

	key = hash_u64(key ^ module->st_ino);
	key = hash_u64(key ^ debug->st_dev);
	key = hash_u64(key ^ debug->st_ino);
	return key ? key : 1;
}

static void note_death(uint64_t key)
{
	uint64_t *count = map_get(&deaths, key);

	if (count)
		(*count)++;
	else
		(void)map_put(&deaths, key, 1);
}

static struct symbolizer_reply answer(const struct message *message)
{
	struct symbolizer_reply reply = { 0 };
	struct stat module, debug, out;

	if (fstat(message->fds[FD_MODULE], &module) || fstat(message->fds[FD_DEBUG], &debug)) {
		reply.error = errno;
		return reply;
	}
	uint64_t key = file_key(&module, &debug), size = (uint64_t)module.st_size;
	const uint64_t *count = map_get(&deaths, key);
	if (S_ISREG(debug.st_mode))
		size += (uint64_t)debug.st_size;
	if (count && *count >= DEATHS_MAX)
		reply.error = EKEYREJECTED;
	else if (!S_ISREG(module.st_mode) || size > MODULE_SIZE_MAX)
		reply.error = S_ISREG(module.st_mode) ? EFBIG : EINVAL;
	if (reply.error)
		return reply;
	delegate(message, size, true, &reply);
	if (reply.signal) {
		note_death(key);
		/* debug information that kills must not cost the names that symbols give */
		if (((const struct symbolizer_request *)message->body)->kind == SYMBOLIZER_NAMES) {
			delegate(message, size, false, &reply);
			reply.is_reduced = 1;
		}
	}
	if (!reply.error && !reply.signal && fstat(message->fds[FD_OUT], &out) == 0)
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
