// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/recipient.h"

#include "base/io.h"
#include "keys/age.h"
#include "keys/bech32.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX   16384
#define SSH_PREFIX "ssh-ed25519 "
#define BASE64	   sodium_base64_VARIANT_ORIGINAL

static const uint8_t SSH_HEAD[19] = "\0\0\0\x0bssh-ed25519\0\0\0\x20";

void recipient_ssh(const struct recipient *recipient, uint8_t wire[static RECIPIENT_SSH_BYTES])
{
	memcpy(wire, SSH_HEAD, sizeof(SSH_HEAD));
	memcpy(wire + sizeof(SSH_HEAD), recipient->key, 32);
}

static int parse_ssh(const char *text, struct recipient *recipient)
{
	uint8_t wire[RECIPIENT_SSH_BYTES], again[32];
	size_t length = strcspn(text, " \t"), size;

	if (sodium_base642bin(wire, sizeof(wire), text, length, NULL, &size, NULL, BASE64) ||
	    size != sizeof(wire) || memcmp(wire, SSH_HEAD, sizeof(SSH_HEAD)) != 0)
		return -EINVAL;
	recipient->kind = RECIPIENT_SSH_ED25519;
	memcpy(recipient->key, wire + sizeof(SSH_HEAD), 32);
	/* it must be a point of the curve, and not one of small order */
	return crypto_sign_ed25519_pk_to_curve25519(again, recipient->key) ? -EINVAL : 0;
}

/* Whatever is multiplied with a point of small order is zero: nobody's secret. */
static bool is_weak(const uint8_t point[static 32])
{
	static const uint8_t ANY[32] = { 1 };
	uint8_t shared[32];

	return crypto_scalarmult(shared, ANY, point) != 0;
}

bool recipient_plugin(const char *text, char *name)
{
	static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	const char *last = strrchr(text, '1');
	size_t start = strlen(AGE_PREFIX_RECIPIENT "1");

	if (strlen(text) >= RECIPIENT_TEXT_MAX ||
	    strncmp(text, AGE_PREFIX_RECIPIENT "1", start) != 0 || last <= text + start ||
	    !bech32_is_valid(text))
		return false;
	size_t length = (size_t)(last - text) - start;
	if (strspn(text + start, LETTERS) < length)
		return false;
	memcpy(name, text + start, length);
	name[length] = 0;
	return true;
}

int recipient_parse(const char *text, struct recipient *recipient)
{
	char name[RECIPIENT_TEXT_MAX];

	*recipient = (struct recipient) { .kind = RECIPIENT_X25519 };
	if (recipient_plugin(text, name)) {
		recipient->kind = RECIPIENT_PLUGIN;
		strcpy(recipient->text, text);
		return 0;
	}
	if (strncmp(text, SSH_PREFIX, sizeof(SSH_PREFIX) - 1) == 0)
		return parse_ssh(text + sizeof(SSH_PREFIX) - 1, recipient);
	if (strlen(text) >= BECH32_TEXT_MAX ||
	    bech32_decode(AGE_PREFIX_RECIPIENT, text, recipient->key) || is_weak(recipient->key))
		return -EINVAL;
	return 0;
}

void recipient_format(const struct recipient *recipient, char text[static RECIPIENT_TEXT_MAX])
{
	uint8_t wire[RECIPIENT_SSH_BYTES];

	if (recipient->kind == RECIPIENT_X25519) {
		bech32_encode(AGE_PREFIX_RECIPIENT, recipient->key, text);
		return;
	}
	if (recipient->kind == RECIPIENT_PLUGIN) {
		strcpy(text, recipient->text);
		return;
	}
	recipient_ssh(recipient, wire);
	memcpy(text, SSH_PREFIX, sizeof(SSH_PREFIX));
	sodium_bin2base64(text + sizeof(SSH_PREFIX) - 1,
			  RECIPIENT_TEXT_MAX - sizeof(SSH_PREFIX) + 1, wire, sizeof(wire), BASE64);
}

bool recipient_is(const struct recipient *a, const struct recipient *b)
{
	return a->kind == b->kind && memcmp(a->key, b->key, sizeof(a->key)) == 0 &&
	       strcmp(a->text, b->text) == 0;
}

/* 1: the line has one; 0: it has none. */
static int parse_line(char *line, struct recipient *recipient)
{
	line[strcspn(line, "\r")] = 0;
	line += strspn(line, " \t");
	for (size_t n = strlen(line); n && (line[n - 1] == ' ' || line[n - 1] == '\t');)
		line[--n] = 0;
	if (!*line || *line == '#')
		return 0;
	return recipient_parse(line, recipient) ? -EBADMSG : 1;
}

static int parse(char *text, struct recipient *recipients, size_t max, size_t *count,
		 unsigned *line)
{
	for (char *at = text, *next; at; at = next) {
		struct recipient recipient;
		next = strchr(at, '\n');
		if (next)
			*next++ = 0;
		++*line;
		int found = parse_line(at, &recipient);
		if (found < 0)
			return found;
		if (found && *count == max)
			return -E2BIG;
		if (found)
			recipients[(*count)++] = recipient;
	}
	return 0;
}

int recipients_read(const char *directory, const char *name, struct recipient *recipients,
		    size_t max, size_t *count, unsigned *line)
{
	char path[PATH_MAX], *text = NULL;
	struct stat st;
	size_t size;
	int err = 0;

	*count = *line = 0;
	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
		err = -EPERM;
	if (!err)
		err = io_read_all(fd, FILE_MAX, &text, &size);
	close(fd);
	if (!err)
		err = parse(text, recipients, max, count, line);
	free(text);
	return err;
}

int recipients_write(const char *directory, const char *name, const struct recipient *recipients,
		     size_t count)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	int err = 0;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path) ||
	    snprintf(temporary, sizeof(temporary), "%s/.%s", directory, name) >=
		    (int)sizeof(temporary))
		return -ENAMETOOLONG;
	(void)unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	for (size_t i = 0; !err && i < count; i++) {
		char text[RECIPIENT_TEXT_MAX + 1];
		recipient_format(&recipients[i], text);
		strcat(text, "\n");
		err = io_write(fd, text, strlen(text));
	}
	if (!err && fsync(fd))
		err = -errno;
	close(fd);
	if (!err && renameat(AT_FDCWD, temporary, AT_FDCWD, path))
		err = -errno;
	if (err) {
		(void)unlink(temporary);
		return err;
	}
	int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || fsync(folder))
		err = -errno;
	io_close(&folder);
	return err;
}
