// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One message between workers. The first byte says how many descriptors come with it; the rest is
 * what the peer sends. Whatever is refused, no descriptor stays open.
 */
#include "base/message.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#define SENT_MAX 8

static const struct message_rule RULES[] = {
	{ 1, 0, 0 }, { 2, 8, 0 }, { 3, 4, 2 }, { 4, MESSAGE_BODY_MAX, MESSAGE_FDS_MAX }
};

static void send_raw(int socket, const void *data, size_t size, size_t fd_count)
{
	struct iovec iov = { (void *)data, size };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(SENT_MAX * sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[SENT_MAX] = { 0 }; /* of standard input: any will do */

	if (fd_count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fd_count * sizeof(int));
	}
	require(sendmsg(socket, &msg, MSG_NOSIGNAL) == (ssize_t)size);
}

/* The descriptor that would be the next. */
static int next_fd(void)
{
	int fd = fcntl(0, F_DUPFD, 3);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct message message;
	static int pair[2] = { -1, -1 };
	size_t fd_count = take_byte(&data, &size) % (SENT_MAX + 1);

	if (pair[0] < 0)
		require(message_pair(pair) == 0);
	if (!size || size > 2 * MESSAGE_BODY_MAX)
		return 0;
	int before = next_fd();
	send_raw(pair[0], data, size, fd_count);
	int err = message_recv(pair[1], RULES, sizeof(RULES) / sizeof(RULES[0]), &message);
	require(err == 0 || err == -EPROTO);
	if (!err) {
		require(message.fd_count == fd_count && message.size <= MESSAGE_BODY_MAX);
		require(memcmp(message.body, data + 8, message.size) == 0);
		for (uint32_t i = 0; i < message.fd_count; i++)
			require(fcntl(message.fds[i], F_GETFD) == FD_CLOEXEC);
	}
	message_close_fds(&message);
	require(next_fd() == before);
	return 0;
}
