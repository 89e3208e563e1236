// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/host_key.h"

#include "base/io.h"
#include "commands/command.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 4096

bool host_key_load(const char *path, uint8_t key[static 32])
{
	char *text = NULL;
	size_t size = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err = fd < 0 ? -errno : io_read_all(fd, FILE_MAX, &text, &size);

	io_close(&fd);
	if (err) {
		command_fail(EXIT_FAILED, "%s: the host's public key cannot be read: %s", path,
			     strerror(-err));
		return false;
	}
	bool is_key = sodium_hex2bin(key, 32, text, strcspn(text, "\r\n"), NULL, &size, NULL) ==
			      0 &&
		      size == 32;
	free(text);
	if (!is_key)
		command_fail(EXIT_FAILED, "%s: is not a host's public key: 64 hex digits", path);
	return is_key;
}
