// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct passphrase *passphrase_new(void)
{
	struct passphrase *passphrase = sodium_init() < 0 ? NULL
							  : sodium_malloc(sizeof(*passphrase));

	if (passphrase)
		memset(passphrase, 0, sizeof(*passphrase));
	return passphrase;
}

void passphrase_free(struct passphrase *passphrase)
{
	sodium_free(passphrase);
}

int passphrase_read(struct passphrase *passphrase, int fd)
{
	ssize_t n;

	passphrase->size = 0;
	do {
		n = read(fd, passphrase->text + passphrase->size,
			 sizeof(passphrase->text) - passphrase->size);
		if (n < 0 && errno != EINTR)
			return -errno;
		passphrase->size += n > 0 ? (size_t)n : 0;
	} while (n && passphrase->size < sizeof(passphrase->text) &&
		 !memchr(passphrase->text, '\n', passphrase->size));
	const char *end = memchr(passphrase->text, '\n', passphrase->size);
	if (end)
		passphrase->size = (size_t)(end - passphrase->text);
	if (passphrase->size > PASSPHRASE_MAX)
		return -E2BIG;
	passphrase->text[passphrase->size] = 0;
	return passphrase->size ? 0 : -ENODATA;
}

int passphrase_credential(void)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	if (!directory || snprintf(path, sizeof(path), "%s/" PASSPHRASE_CREDENTIAL, directory) >=
				  (int)sizeof(path))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}
