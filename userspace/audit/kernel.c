// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/kernel.h"

#include "audit/record.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define AUDIT_TRUSTED_APP 1121 /* what user space may send has its numbers in libaudit.h */

#define ANSWER_MS 1000
#define OP_MAX	  32 /* of an operation's name */

/* The largest text, with its 0: what stands before the record, and that in hex. */
#define TEXT_MAX (64 + OP_MAX + 2 * AUDIT_LINE_MAX)

_Static_assert(TEXT_MAX <= AUDIT_MESSAGE_TEXT_MAX, "the kernel would cut it");

int kernel_audit_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);

	return fd < 0 ? -errno : fd;
}

static int send_message(int fd, int type, int flags, const void *body, size_t size)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct nlmsghdr header = { .nlmsg_len = (uint32_t)(NLMSG_HDRLEN + size),
					 .nlmsg_type = (uint16_t)type,
					 .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags) };
	struct iovec parts[] = { { (void *)&header, NLMSG_HDRLEN }, { (void *)body, size } };
	struct msghdr message = { .msg_name = (void *)&kernel,
				  .msg_namelen = sizeof(kernel),
				  .msg_iov = parts,
				  .msg_iovlen = 2 };
	ssize_t n;

	do
		n = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* What the kernel answers. 0 and *answer; the error that it tells, or -errno. */
static int receive_message(int fd, int flags, struct nlmsghdr *header, void *body, size_t size)
{
	struct iovec parts[] = { { header, NLMSG_HDRLEN }, { body, size } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	struct nlmsgerr error;
	ssize_t n = recvmsg(fd, &message, flags);

	if (n < 0)
		return -errno;
	if (n < NLMSG_HDRLEN)
		return -EPROTO;
	if (header->nlmsg_type != NLMSG_ERROR)
		return 0;
	if ((size_t)n < NLMSG_HDRLEN + sizeof(error.error) || size < sizeof(error.error))
		return -EPROTO;
	memcpy(&error.error, body, sizeof(error.error));
	return error.error;
}

int kernel_audit_is_on(int fd)
{
	struct pollfd answer = { .fd = fd, .events = POLLIN };
	struct audit_status status = { 0 };
	struct nlmsghdr header;
	int err = send_message(fd, AUDIT_GET, 0, NULL, 0);

	if (!err && poll(&answer, 1, ANSWER_MS) != 1)
		return -ETIMEDOUT;
	if (!err)
		err = receive_message(fd, MSG_DONTWAIT, &header, &status, sizeof(status));
	if (err)
		return err;
	return header.nlmsg_type == AUDIT_GET ? status.enabled != 0 : -EPROTO;
}

/* The value of a field of words, behind this; "" where there is none. */
static size_t find_word(const char *line, size_t size, const char *field, const char **word)
{
	const char *at = memmem(line, size, field, strlen(field));
	const char *start = at ? at + strlen(field) : line;
	const char *end = at ? memchr(start, '"', size - (size_t)(start - line)) : NULL;

	*word = start;
	return end ? (size_t)(end - start) : 0;
}

int kernel_audit_send(int fd, const char *line, size_t size)
{
	static const char DIGITS[] = "0123456789ABCDEF";
	char text[TEXT_MAX], body[512];
	const char *op, *res;
	struct nlmsghdr header;

	size -= size && line[size - 1] == '\n';
	if (size >= AUDIT_LINE_MAX)
		return -E2BIG;
	/* strings that others chose come later in a line */
	size_t op_length = find_word(line, size, "\"op\":\"", &op);
	size_t res_length = find_word(line, size, "\"res\":\"", &res);
	bool is_ok = res_length == 2 && memcmp(res, "ok", 2) == 0;
	int used = snprintf(text, sizeof(text), "op=%.*s res=%s record=",
			    (int)(op_length < OP_MAX ? op_length : OP_MAX), op,
			    is_ok ? "success" : "failed");
	char *at = text + used;
	for (size_t i = 0; i < size; i++) {
		*at++ = DIGITS[(unsigned char)line[i] >> 4];
		*at++ = DIGITS[line[i] & 15];
	}
	*at++ = 0;
	int err = send_message(fd, AUDIT_TRUSTED_APP, NLM_F_ACK, text, (size_t)(at - text));
	/* the kernel has answered when it has taken it */
	if (!err)
		err = receive_message(fd, MSG_DONTWAIT, &header, body, sizeof(body));
	return err == -EAGAIN ? 0 : err;
}
