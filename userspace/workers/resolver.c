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
#include <stdbool.h>
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

/*
 * Opening a device or a FIFO could wait, or do something. What is at the path is taken hold of
 * without being opened, looked at, and then opened if it is a regular file: a path that leads
 * elsewhere by now does not matter.
 */
static int open_regular(const char *path)
{
	int held = open(path, O_PATH | O_CLOEXEC), fd = -1, err = 0;
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
	return err ? err : fd;
}

static int open_module(const struct resolver_request *request)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, request->pid,
		 request->start, request->end);
	return open_regular(path);
}

static int open_debug(const struct resolver_debug *request)
{
	char hex[2 * BUILD_ID_MAX + 1], path[sizeof(DEBUG_DIRECTORY) + sizeof(hex) + 16];

	if (request->size < 2 || request->size > BUILD_ID_MAX)
		return -EINVAL;
	text_hex(hex, request->build_id, request->size);
	snprintf(path, sizeof(path), DEBUG_DIRECTORY "/%.2s/%s.debug", hex, hex + 2);
	return open_regular(path);
}

/* The pid must still be the process that the pidfd names: checked after the open, so that a pid
 * that was given to another process in between is noticed. */
static int open_of(const struct message *message)
{
	const struct resolver_request *request = (const void *)message->body;
	int fd = message->type == RESOLVER_MAPS ? open_maps(request) : open_module(request);

	if (fd >= 0 && !is_same_process(message->fds[0])) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

static int serve(const struct message *message)
{
	switch (message->type) {
	case RESOLVER_MAPS:
	case RESOLVER_MODULE: return open_of(message);
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
