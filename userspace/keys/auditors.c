// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/auditors.h"

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

#define FILE_MAX 16384
#define BASE64	 sodium_base64_VARIANT_ORIGINAL

static int parse_line(struct auditors *auditors, char *line)
{
	line[strcspn(line, "\r")] = 0;
	line += strspn(line, " \t");
	for (size_t n = strlen(line); n && (line[n - 1] == ' ' || line[n - 1] == '\t');)
		line[--n] = 0;
	if (!*line || *line == '#')
		return 0;
	if (auditors->count == AUDITORS_MAX)
		return -E2BIG;
	if (strlen(line) >= BECH32_TEXT_MAX ||
	    bech32_decode(AGE_PREFIX_RECIPIENT, line, auditors->recipients[auditors->count]))
		return -EBADMSG;
	auditors->count++;
	return 0;
}

static int parse(struct auditors *auditors, char *text, unsigned *line)
{
	int err = 0;

	*line = 0;
	for (char *at = text, *next; at && !err; at = next) {
		next = strchr(at, '\n');
		if (next)
			*next++ = 0;
		++*line;
		err = parse_line(auditors, at);
	}
	return err;
}

int auditors_read(const char *key_directory, struct auditors *auditors, unsigned *line)
{
	char path[PATH_MAX], *text = NULL;
	struct stat st;
	size_t size;
	int err = 0;

	*auditors = (struct auditors) { 0 };
	*line = 0;
	if (snprintf(path, sizeof(path), "%s/" AUDITORS_NAME, key_directory) >= (int)sizeof(path))
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
		err = parse(auditors, text, line);
	free(text);
	return err;
}

int auditors_wrap(const struct auditors *auditors, const uint8_t secret[static 32], char *text,
		  size_t size)
{
	size_t used = 0;
	int err = 0;

	*text = 0;
	for (size_t i = 0; i < auditors->count && !err; i++) {
		struct bytes_buffer file = { 0 };
		err = age_wrap(auditors->recipients[i], secret, 32, &file);
		if (!err && size - used < sodium_base64_encoded_len(file.size, BASE64) + 1)
			err = -E2BIG;
		if (!err) {
			if (i)
				text[used++] = ' ';
			sodium_bin2base64(text + used, size - used, file.data, file.size, BASE64);
			used += strlen(text + used);
		}
		bytes_free(&file);
	}
	return err;
}

int auditors_unwrap(const uint8_t identity[static 32], const char *text, uint8_t secret[static 32])
{
	uint8_t file[AUDITOR_WRAPPED_SIZE];
	int err = -EBADMSG;

	while (*text) {
		size_t length = strcspn(text, " "), size;
		if (sodium_base642bin(file, sizeof(file), text, length, NULL, &size, NULL, BASE64))
			return -EBADMSG;
		err = age_unwrap(identity, file, size, secret, 32);
		if (err != -ENOKEY)
			break;
		text += length + (text[length] == ' ');
	}
	return err;
}
