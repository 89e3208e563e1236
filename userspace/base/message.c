// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/message.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct message_head {
	uint32_t type;
	uint32_t size;
};

int message_pair(int pair[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ? -errno : 0;
}

static int send_with(int flags, int socket, uint32_t type, const void *body, size_t size,
		     const int *fds, size_t fd_count)
{
	struct message_head head = { .type = type, .size = (uint32_t)size };
	struct iovec iov[2] = { { &head, sizeof(head) }, { (void *)body, size } };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MESSAGE_FDS_MAX * sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };

	if (size > MESSAGE_BODY_MAX || fd_count > MESSAGE_FDS_MAX)
		return -EMSGSIZE;
	if (fd_count) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fd_count * sizeof(int));
	}
	for (;;) {
		ssize_t n = sendmsg(socket, &msg, MSG_NOSIGNAL | flags);
		if (n >= 0)
			return (size_t)n == sizeof(head) + size ? 0 : -EIO;
		if (errno == ECONNRESET)
			return -EPIPE;
		if (errno != EINTR)
			return -errno;
	}
}

int message_send(int socket, uint32_t type, const void *body, size_t size, const int *fds,
		 size_t fd_count)
{
	return send_with(0, socket, type, body, size, fds, fd_count);
}

int message_offer(int socket, uint32_t type, const void *body, size_t size)
{
	return send_with(MSG_DONTWAIT, socket, type, body, size, NULL, 0);
}

/*
 * Collects descriptors even of a message that will be refused: the kernel has already installed
 * them. False: there are too many; the room for them is rounded up, so the kernel need not say so.
 */
static bool collect_fds(struct msghdr *msg, struct message *message)
{
	bool fits = true;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (message->fd_count < MESSAGE_FDS_MAX) {
				message->fds[message->fd_count++] = fd;
			} else {
				close(fd);
				fits = false;
			}
		}
	}
	return fits;
}

static int is_permitted(const struct message *message, const struct message_rule *rules,
			size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].type == message->type)
			return rules[i].size == message->size &&
			       rules[i].fd_count == message->fd_count;
	return 0;
}

int message_recv(int socket, const struct message_rule *rules, size_t rule_count,
		 struct message *message)
{
	struct message_head head;
	struct iovec iov[2] = { { &head, sizeof(head) }, { message->body, sizeof(message->body) } };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MESSAGE_FDS_MAX * sizeof(int))];
	} control;
	struct msghdr msg = { .msg_iov = iov,
			      .msg_iovlen = 2,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	ssize_t n = 0;

	message->fd_count = 0;
	/*
	 * A peer that closed with messages of ours unread resets the connection, and that is told
	 * before what it had said last, which is why it closed. Telling it once clears it.
	 */
	bool was_reset = false;
	do {
		was_reset |= n < 0 && errno == ECONNRESET;
		n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !was_reset)));
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (n == 0)
		return -EPIPE;
	bool fits = collect_fds(&msg, message);
	if (!fits || (size_t)n < sizeof(head) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
		goto refuse;
	message->type = head.type;
	message->size = head.size;
	if ((size_t)n != sizeof(head) + head.size || !is_permitted(message, rules, rule_count))
		goto refuse;
	return 0;
refuse:
	message_close_fds(message);
	return -EPROTO;
}

int message_take_fd(struct message *message, size_t i)
{
	int fd = message->fds[i];

	message->fds[i] = -1;
	return fd;
}

void message_close_fds(struct message *message)
{
	for (uint32_t i = 0; i < message->fd_count; i++)
		if (message->fds[i] >= 0)
			close(message->fds[i]);
	message->fd_count = 0;
}
