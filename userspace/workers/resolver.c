// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The resolver: turns a target and an address range into a descriptor, and does nothing else. It
 * holds the rights to look into other users' processes, so it reads the contents of no file:
 * whoever asks gets the open file and parses it without rights.
 */
#include "base/io.h"
#include "base/message.h"
#include "base/text.h"
#include "workers/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEBUG_DIRECTORY "/usr/lib/debug/.build-id"

static const struct message_rule RULES[] = {
	{ RESOLVER_MAPS, sizeof(struct resolver_request), 1 },
	{ RESOLVER_MODULE, sizeof(struct resolver_request), 1 },
	{ RESOLVER_DEBUG, sizeof(struct resolver_debug), 0 },
};

/* The pid must still be the process that the pidfd names: checked after the open, so that a pid
 * that was given to another process in between is noticed. */
static int open_of(int pidfd, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) && errno != EPERM) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

static int open_maps(const struct resolver_request *request, int pidfd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/maps", request->pid);
	return open_of(pidfd, path);
}

/* Only regular files: opening a device or a FIFO that a target mapped could do something. */
static int open_module(const struct resolver_request *request, int pidfd)
{
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, request->pid,
		 request->start, request->end);
	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return open_of(pidfd, path);
}

static int open_debug(const struct resolver_debug *request)
{
	char hex[2 * BUILD_ID_MAX + 1], path[sizeof(DEBUG_DIRECTORY) + sizeof(hex) + 16];

	if (request->size < 2 || request->size > BUILD_ID_MAX)
		return -EINVAL;
	text_hex(hex, request->build_id, request->size);
	snprintf(path, sizeof(path), DEBUG_DIRECTORY "/%.2s/%s.debug", hex, hex + 2);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int serve(const struct message *message)
{
	switch (message->type) {
	case RESOLVER_MAPS: return open_maps((const void *)message->body, message->fds[0]);
	case RESOLVER_MODULE: return open_module((const void *)message->body, message->fds[0]);
	case RESOLVER_DEBUG: return open_debug((const void *)message->body);
	}
	return -EPROTO;
}

int main(void)
{
	worker_begin("resolver");
	worker_confine("resolver");
	for (;;) {
		static struct message message;
		int err = message_recv(WORKER_SOCKET, RULES, sizeof(RULES) / sizeof(RULES[0]),
				       &message);
		if (err)
			return err == -EPIPE ? 0 : 1;
		int fd = serve(&message);
		message_close_fds(&message);
		if (fd < 0)
			worker_refuse(WORKER_SOCKET, 1, -fd, "%s", strerror(-fd));
		else
			err = message_send(WORKER_SOCKET, RESOLVER_FILE, NULL, 0, &fd, 1);
		io_close(&fd);
		if (err)
			return err == -EPIPE ? 0 : 1;
	}
}
