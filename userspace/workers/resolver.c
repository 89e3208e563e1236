// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The resolver: turns a target and an address range into a descriptor, and does nothing else. It
 * holds the rights to look into other users' processes, so it reads the contents of no file but
 * what the kernel says of a target's ids, name and control groups: whoever asks gets the open file
 * and parses it without rights.
 */
#include "base/cgroup.h"
#include "base/io.h"
#include "base/message.h"
#include "workers/opens.h"
#include "workers/resolver.h"
#include "workers/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STATUS_TEXT_MAX (64u << 10)
#define MAP_SIZE_MAX	(64 << 20) /* as the symbolizer's (symbols/perf_map.h) */

const struct message_rule RESOLVER_REQUESTS[RESOLVER_REQUEST_COUNT] = {
	{ RESOLVER_MAPS, sizeof(struct resolver_request), 1 },
	{ RESOLVER_TARGET, sizeof(struct resolver_request), 0 },
	{ RESOLVER_MODULE, sizeof(struct resolver_request), 1 },
	{ RESOLVER_PERF_MAP, sizeof(struct resolver_request), 1 },
	{ RESOLVER_DEBUG, sizeof(struct resolver_debug), 0 },
	{ RESOLVER_BESIDE, sizeof(struct resolver_beside), 1 },
	{ RESOLVER_COMMON, sizeof(struct resolver_common), 0 },
};

static bool is_same_process(int pidfd)
{
	return syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) == 0 || errno == EPERM;
}

static int open_maps(const struct resolver_request *request)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/maps", request->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int resolver_open_regular(int held)
{
	int fd = -1, err = 0;
	char self[64];
	struct stat st;

	if (held < 0 || fstat(held, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EMEDIUMTYPE;
	if (!err) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", held);
		fd = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		err = fd < 0 ? -errno : 0;
	}
	io_close(&held);
	/* FUSE asks its daemon at each close: one that does not answer is to hang here, not whoever
	 * gets the file */
	if (!err)
		close(dup(fd));
	return err ? err : fd;
}

static int open_module(const struct resolver_request *request)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, request->pid,
		 request->start, request->end);
	return resolver_open_regular(open(path, O_PATH | O_CLOEXEC));
}

/* The uid under which the target makes files, and its pid as it knows it itself:
 * proc_pid_status(5). */
static int read_ids(uint32_t pid, uid_t *uid, char own_pid[static 16])
{
	static char text[STATUS_TEXT_MAX];
	const char *uids, *pids;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	memset(text, 0, sizeof(text));
	int err = io_read(fd, text, sizeof(text) - 1);
	close(fd);
	if (err != -ENODATA)
		return err ? err : -EFBIG;
	uids = strstr(text, "\nUid:");
	pids = strstr(text, "\nNSpid:");
	if (!uids || !pids || sscanf(uids, "\nUid: %*u %*u %*u %u", uid) != 1)
		return -ENOTSUP;
	/* one pid per namespace, its own last */
	size_t size = strcspn(pids + 1, "\n");
	const char *last = memrchr(pids + 1, '\t', size);
	if (!last || sscanf(last, "\t%15[0-9]", own_pid) != 1)
		return -ENOTSUP;
	return 0;
}

/* The target's own; or root's, where a target that shows us another file there could read it
 * itself. */
static int check_perf_map(int held, uid_t uid)
{
	struct stat st;

	if (fstat(held, &st))
		return -errno;
	if (st.st_uid != uid && (st.st_uid != 0 || !(st.st_mode & S_IROTH)))
		return -EACCES;
	return st.st_size > MAP_SIZE_MAX ? -EFBIG : 0;
}

/* In a directory where everybody may write: no link is followed, least of all out of the target's
 * root. */
static int open_perf_map(const struct resolver_request *request)
{
	char path[64], own_pid[16];
	uid_t uid;
	int err = read_ids(request->pid, &uid, own_pid);

	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%u/root", request->pid);
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	snprintf(path, sizeof(path), "tmp/perf-%s.map", own_pid);
	int held = (int)syscall(SYS_openat2, root, path, &OPEN_LINKLESS, sizeof(OPEN_LINKLESS));
	err = held < 0 ? -errno : check_perf_map(held, uid);
	close(root);
	if (!err)
		return resolver_open_regular(held);
	io_close(&held);
	return err;
}

/* The pid must still be the process that the pidfd names: checked after the open, so that a pid
 * that was given to another process in between is noticed. */
static int open_of(const struct message *message)
{
	const struct resolver_request *request = (const void *)message->body;
	int fd = -EPROTO;

	switch (message->type) {
	case RESOLVER_MAPS: fd = open_maps(request); break;
	case RESOLVER_MODULE: fd = open_module(request); break;
	case RESOLVER_PERF_MAP: fd = open_perf_map(request); break;
	case RESOLVER_BESIDE: fd = resolver_beside((const void *)message->body); break;
	}
	if (fd >= 0 && !is_same_process(message->fds[0])) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

/* cgroups(7) */
static void read_cgroup(uint32_t pid, struct tracer_target *target)
{
	static char text[STATUS_TEXT_MAX];
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	memset(text, 0, sizeof(text));
	if (fd >= 0)
		(void)io_read(fd, text, sizeof(text) - 1);
	io_close(&fd);
	cgroup_choose(text, target->cgroup, sizeof(target->cgroup));
}

/* Who a pid is: the descriptor first, so that what is read afterwards is that process's or
 * another's that got the pid when it was gone, which is then noticed. */
static int identify(uint32_t pid, struct tracer_target *target)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	char path[64];

	*target = (struct tracer_target) { .pid = pid };
	if (pidfd < 0)
		return -errno;
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)io_read(fd, target->comm, sizeof(target->comm) - 1);
	io_close(&fd);
	target->comm[strcspn(target->comm, "\n")] = 0;
	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	ssize_t length = readlink(path, target->exe, sizeof(target->exe) - 1);
	target->exe[length > 0 ? length : 0] = 0;
	read_cgroup(pid, target);
	if (is_same_process(pidfd))
		return pidfd;
	close(pidfd);
	return -ESRCH;
}

static int answer_identity(int socket, const struct message *message)
{
	struct tracer_target target;
	int pidfd = identify(((const struct resolver_request *)message->body)->pid, &target);

	if (pidfd < 0) {
		worker_refuse(socket, 1, -pidfd, "%s", strerror(-pidfd));
		return 0;
	}
	int err = message_send(socket, RESOLVER_IDENTITY, &target, sizeof(target), &pidfd, 1);
	close(pidfd);
	return err;
}

static int serve(const struct message *message)
{
	switch (message->type) {
	case RESOLVER_MAPS:
	case RESOLVER_MODULE:
	case RESOLVER_PERF_MAP:
	case RESOLVER_BESIDE: return open_of(message);
	case RESOLVER_DEBUG: return resolver_debug((const void *)message->body);
	case RESOLVER_COMMON: return resolver_common((const void *)message->body);
	}
	return -EPROTO;
}

static int answer_file(int socket, struct message *message)
{
	int fd = serve(message), err = 0;

	message_close_fds(message);
	if (fd < 0)
		worker_refuse(socket, 1, -fd, "%s", strerror(-fd));
	else
		err = message_send(socket, RESOLVER_FILE, NULL, 0, &fd, 1);
	io_close(&fd);
	return err;
}

int resolver_answer(int socket, struct message *message)
{
	return message->type == RESOLVER_TARGET ? answer_identity(socket, message)
						: answer_file(socket, message);
}

int main(void)
{
	worker_begin("resolver");
	worker_leave_root("resolver");
	worker_confine("resolver");
	return resolver_attend() == -EPIPE ? 0 : 1;
}
