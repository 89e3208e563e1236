// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/identity.h"

#include "base/io.h"
#include "commands/command.h"
#include "commands/unlock.h"
#include "keys/age.h"
#include "keys/bech32.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 16384

static bool find(char *text, uint8_t identity[static 32])
{
	for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n"))
		if (*line != '#' && strlen(line) < BECH32_TEXT_MAX &&
		    bech32_decode(AGE_PREFIX_IDENTITY, line, identity) == 0)
			return true;
	return false;
}

/* text: what the file holds, and what it gets instead. Prints what is wrong. */
static bool decrypt(const char *path, char *text, size_t *size)
{
	char *plain = sodium_malloc(FILE_MAX + 1);
	const struct passphrase *passphrase;
	size_t plain_size = 0;
	bool is_open = plain && unlock_ask(path, &passphrase) == EXIT_DONE;

	if (is_open) {
		int err = age_unwrap_passphrase(passphrase->text, passphrase->size,
						(const uint8_t *)text, *size, (uint8_t *)plain,
						FILE_MAX, &plain_size);
		if (err)
			command_fail(
				EXIT_FAILED, "%s: %s", path,
				err == -ENOKEY ? "the passphrase is wrong"
				: err == -E2BIG
					? "asks for more than 1 GiB to try a passphrase; encrypt "
					  "it again with less"
				: err == -EBADMSG ? "is not an age file, or damaged"
						  : strerror(-err));
		is_open = !err;
	}
	if (is_open && plain_size < *size) {
		memcpy(text, plain, plain_size);
		text[plain_size] = 0;
	}
	sodium_free(plain);
	return is_open;
}

bool identity_load(const char *path, uint8_t identity[static 32])
{
	char *text = NULL;
	size_t size = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err = fd < 0 ? -errno : io_read_all(fd, FILE_MAX, &text, &size);
	bool is_found = false;

	io_close(&fd);
	if (err) {
		command_fail(EXIT_FAILED, "%s: the identity cannot be read: %s", path,
			     strerror(-err));
		return false;
	}
	sodium_mlock(text, size + 1);
	if (!age_has_passphrase((const uint8_t *)text, size) || decrypt(path, text, &size)) {
		is_found = find(text, identity);
		if (!is_found)
			command_fail(
				EXIT_FAILED,
				"%s: is not an age identity (AGE-SECRET-KEY-1…), as age-keygen makes it",
				path);
	}
	sodium_munlock(text, size + 1); /* wipes */
	free(text);
	return is_found;
}
