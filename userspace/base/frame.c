// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/frame.h"

#include "base/bytes.h"
#include "base/io.h"

#include <errno.h>

int frame_send(int fd, const char *data, size_t size)
{
	uint8_t length[4] = { (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16),
			      (uint8_t)(size >> 24) };
	int err = size > ANSWER_MAX ? -EMSGSIZE : io_write(fd, length, sizeof(length));

	return err ? err : io_write(fd, data, size);
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
