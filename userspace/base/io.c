// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/io.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int io_write(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int io_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	const char *p = data;

	while (size) {
		ssize_t n = pwrite(fd, p, size, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		offset += n;
		size -= (size_t)n;
	}
	return 0;
}

int io_read(int fd, void *data, size_t size)
{
	char *p = data;

	while (size) {
		ssize_t n = read(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int io_pread(int fd, void *data, size_t size, off_t offset)
{
	char *p = data;

	while (size) {
		ssize_t n = pread(fd, p, size, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		p += n;
		offset += n;
		size -= (size_t)n;
	}
	return 0;
}

int io_read_all(int fd, size_t max, char **data, size_t *size)
{
	size_t capacity = 4096, used = 0;
	char *buffer = malloc(capacity + 1);
	int err = -ENOMEM;

	while (buffer) {
		ssize_t n = read(fd, buffer + used, capacity - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err = -errno;
			break;
		}
		if (n == 0) {
			buffer[used] = 0;
			*data = buffer;
			*size = used;
			return 0;
		}
		used += (size_t)n;
		if (used > max) {
			err = -EFBIG;
			break;
		}
		if (used == capacity) {
			char *grown = realloc(buffer, capacity * 2 + 1);
			if (!grown)
				break;
			buffer = grown;
			capacity *= 2;
		}
	}
	free(buffer);
	return err;
}

void io_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
