// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/wrapping.h"

#include "base/clock.h"
#include "base/io.h"
#include "keys/age.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <unistd.h>

int wrapping_prepare(struct wrapping *wrapping, const char *recipient)
{
	*wrapping = (struct wrapping) { .to = -1, .from = -1 };
	return recipient_parse(recipient, &wrapping->recipient);
}

void wrapping_close(struct wrapping *wrapping)
{
	io_close(&wrapping->to);
	io_close(&wrapping->from);
}

/* Up to the end of what is written, which may take as long as it may. */
static int read_file(int fd, uint8_t file[static WRAPPING_FILE_MAX], size_t *size)
{
	uint64_t end_ns = clock_now_ns() + WRAPPING_WAIT_MS * 1000000ull;
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	for (*size = 0;;) {
		uint64_t now_ns = clock_now_ns();
		if (now_ns >= end_ns ||
		    poll(&ready, 1, (int)((end_ns - now_ns) / 1000000) + 1) == 0)
			return -ETIMEDOUT;
		if (*size == WRAPPING_FILE_MAX)
			return -EPROTO;
		ssize_t n = read(fd, file + *size, WRAPPING_FILE_MAX - *size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return 0;
		*size += n > 0 ? (size_t)n : 0;
	}
}

static int wrap_by_program(struct wrapping *wrapping, const uint8_t *secret, size_t size,
			   struct bytes_buffer *out)
{
	uint8_t file[WRAPPING_FILE_MAX];
	size_t file_size;

	if (wrapping->to < 0 || wrapping->from < 0)
		return -EINVAL;
	/* a pipe has room for it, whether or not it is read */
	int err = io_write(wrapping->to, secret, size);
	io_close(&wrapping->to);
	if (!err)
		err = read_file(wrapping->from, file, &file_size);
	if (!err && !age_is_file(file, file_size, size))
		err = -EPROTO;
	if (err)
		return err == -EPIPE ? -EPROTO : err;
	bytes_put(out, file, file_size);
	return out->failed ? -ENOMEM : 0;
}

int wrapping_wrap(void *context, const uint8_t *secret, size_t size, struct bytes_buffer *out)
{
	struct wrapping *wrapping = context;
	int err = wrapping->recipient.kind == RECIPIENT_PLUGIN
			  ? wrap_by_program(wrapping, secret, size, out)
			  : age_wrap(&wrapping->recipient, secret, size, out);

	wrapping_close(wrapping);
	return err;
}
