// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/frame.h"

#include "base/bytes.h"
#include "base/io.h"

#include <errno.h>
#include <sys/socket.h>

/* To a peer that may be gone: that is an error like others, and no signal. */
static int send_all(int fd, const void *data, size_t size)
{
	struct iovec rest = { (void *)data, size };
	const struct msghdr message = { .msg_iov = &rest, .msg_iovlen = 1 };

	while (rest.iov_len) {
		ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ECONNRESET ? -EPIPE : -errno;
		rest.iov_base = (char *)rest.iov_base + n;
		rest.iov_len -= (size_t)n;
	}
	return 0;
}

int frame_send(int fd, const char *data, size_t size)
{
	uint8_t length[4] = { (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16),
			      (uint8_t)(size >> 24) };
	int err = size > ANSWER_MAX ? -EMSGSIZE : send_all(fd, length, sizeof(length));

	return err ? err : send_all(fd, data, size);
}

int frame_recv(int fd, size_t max, char **data, size_t *size)
{
	uint8_t length[4];
	struct bytes_reader reader = bytes_reader_on(length, sizeof(length));
	int err = io_read(fd, length, sizeof(length));

	if (err)
		return err == -ENODATA || err == -ECONNRESET ? -EPIPE : err;
	*size = bytes_get_u32(&reader);
	if (*size > max)
		return -EMSGSIZE;
	char *bytes = malloc(*size + 1);
	if (!bytes)
		return -ENOMEM;
	err = io_read(fd, bytes, *size);
	if (err) {
		free(bytes);
		return err == -ENODATA || err == -ECONNRESET ? -EPIPE : err;
	}
	bytes[*size] = 0;
	*data = bytes;
	return 0;
}
