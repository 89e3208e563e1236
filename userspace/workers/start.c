// SPDX-License-Identifier: GPL-2.0-or-later
#include "workers/start.h"

#include "base/io.h"
#include "base/message.h"
#include "workers/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where workers are, relative to the folder of the running executable: installed, built, beside. */
static const char *const PLACES[] = { "../libexec/heaptrail", "workers", "." };

/* Never by PATH or working directory: what runs with rights is found beside what runs already. */
static int worker_path(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		return -errno;
	self[n] = 0;
	*strrchr(self, '/') = 0;
	for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
		if (snprintf(path, PATH_MAX, "%s/%s/heaptrail-%s", self, PLACES[i], name) >=
		    PATH_MAX)
			return -ENAMETOOLONG;
		if (access(path, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

int worker_stat(const char *name, struct stat *st)
{
	char path[PATH_MAX];
	int err = worker_path(name, path);

	return err ? err : stat(path, st) ? -errno : 0;
}

static _Noreturn void become_worker(const char *path, const char *name, int socket)
{
	char *const argv[] = { (char *)name, NULL };
	char *const envp[] = { NULL };
	int null = open("/dev/null", O_RDWR);

	/* F_DUPFD first: the socket may itself be one of the descriptors that are about to be
	 * replaced */
	int high = fcntl(socket, F_DUPFD, 16);
	if (null < 0 || high < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(high, WORKER_SOCKET) < 0)
		_exit(126);
	close_range(WORKER_SOCKET + 1, ~0U, 0);
	execve(path, argv, envp);
	_exit(errno == ENOENT ? 127 : 126);
}

int worker_start(const char *name, struct worker_process *worker)
{
	char path[PATH_MAX], title[64];
	int pair[2];
	int err = worker_path(name, path);

	if (err)
		return err;
	err = message_pair(pair);
	if (err)
		return err;
	snprintf(title, sizeof(title), "heaptrail-%s", name);
	worker->pid = fork();
	if (worker->pid == 0)
		become_worker(path, title, pair[1]);
	close(pair[1]);
	worker->socket = pair[0];
	worker->is_stopped = false;
	worker->stopped_looks = 0;
	worker->killed_for = NULL;
	if (worker->pid < 0) {
		err = -errno;
		worker->pid = 0;
		io_close(&worker->socket);
		return err;
	}
	worker->pidfd = (int)syscall(SYS_pidfd_open, worker->pid, 0);
	return 0;
}

int worker_connect(const char *path, struct worker_process *worker)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		int err = -errno;
		close(fd);
		return err;
	}
	*worker = (struct worker_process)WORKER_PROCESS_NONE;
	worker->socket = fd;
	return 0;
}

int worker_finish(struct worker_process *worker)
{
	int status = 0;

	io_close(&worker->socket);
	if (worker->pid > 0)
		while (waitpid(worker->pid, &status, 0) < 0 && errno == EINTR)
			;
	io_close(&worker->pidfd);
	worker->pid = 0;
	return status;
}
