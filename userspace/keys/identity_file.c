// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/identity_file.h"

#include "keys/bech32.h"
#include "keys/ssh_key.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#define ARMOR_BEGIN   "-----BEGIN AGE ENCRYPTED FILE-----"
#define ARMOR_END     "-----END AGE ENCRYPTED FILE-----"
#define PLUGIN_PREFIX "age-plugin-"
#define LINE_MAX_SIZE 2048 /* of a plugin's identity, which may be long */

/* The NAME in "AGE-PLUGIN-NAME-1…", of which only the form is known here. */
static bool read_plugin(const char *line, char name[static RECIPIENT_TEXT_MAX])
{
	static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	char text[LINE_MAX_SIZE];
	size_t start = strlen(PLUGIN_PREFIX), i = 0;

	for (; line[i]; i++)
		text[i] = (char)tolower((unsigned char)line[i]);
	text[i] = 0;
	const char *last = strrchr(text, '1');
	bool is_plugin = strncmp(text, PLUGIN_PREFIX, start) == 0 && last &&
			 last > text + start + 1 && last[-1] == '-' &&
			 (size_t)(last - text) - start < RECIPIENT_TEXT_MAX &&
			 bech32_is_valid(text);
	size_t length = is_plugin ? (size_t)(last - text) - start - 1 : 0;
	is_plugin = is_plugin && strspn(text + start, LETTERS) >= length;
	if (is_plugin)
		memcpy(name, text + start, length);
	name[is_plugin ? length : 0] = 0;
	sodium_memzero(text, sizeof(text));
	return is_plugin;
}

static int read_line(const char *line, struct identity_file *file)
{
	char plugin[RECIPIENT_TEXT_MAX];
	uint8_t identity[32];

	if (strlen(line) < BECH32_TEXT_MAX &&
	    bech32_decode(AGE_PREFIX_IDENTITY, line, identity) == 0) {
		if (file->count == IDENTITY_KEYS_MAX)
			return -E2BIG;
		age_key_x25519(&file->keys[file->count++], identity);
		sodium_memzero(identity, sizeof(identity));
		return 0;
	}
	if (!read_plugin(line, plugin))
		return -EBADMSG;
	if (!file->takes_program)
		memcpy(file->plugin, plugin, sizeof(plugin));
	file->takes_program = true;
	return 0;
}

static int read_lines(const char *text, struct identity_file *file)
{
	char line[LINE_MAX_SIZE];
	int err = 0;

	for (; !err && *text; text += strcspn(text, "\n"), text += *text == '\n') {
		size_t length = strcspn(text, "\r\n");
		if (length == 0 || *text == '#')
			continue;
		if (length >= sizeof(line))
			return -EBADMSG;
		memcpy(line, text, length);
		line[length] = 0;
		err = read_line(line, file);
		sodium_memzero(line, sizeof(line));
	}
	return err || file->count || file->takes_program ? err : -EBADMSG;
}

int identity_file_parse(const char *text, struct identity_file *file)
{
	*file = (struct identity_file) { 0 };
	if (!ssh_key_is(text))
		return read_lines(text, file);
	int err = ssh_key_parse(text, &file->keys[0]);
	if (err == -EACCES) {
		file->takes_program = true;
		file->ssh = file->keys[0].recipient;
		return 0;
	}
	file->count = !err;
	return err;
}

bool identity_file_is_locked(const char *text, size_t size)
{
	return strncmp(text, ARMOR_BEGIN, strlen(ARMOR_BEGIN)) == 0 ||
	       age_has_passphrase((const uint8_t *)text, size);
}

/* The file in the armor, which is no secret. 0 or -EBADMSG. */
static int take_armor_off(const char *text, uint8_t *file, size_t *size)
{
	const char *start = text + strlen(ARMOR_BEGIN), *end = strstr(start, ARMOR_END);

	return !end || sodium_base642bin(file, IDENTITY_FILE_MAX, start, (size_t)(end - start),
					 "\r\n", size, NULL, sodium_base64_VARIANT_ORIGINAL)
		       ? -EBADMSG
		       : 0;
}

int identity_file_unlock(const struct passphrase *passphrase, const char *text, size_t size,
			 char *plain)
{
	uint8_t file[IDENTITY_FILE_MAX];
	const uint8_t *bytes = (const uint8_t *)text;
	size_t plain_size = 0;
	int err = 0;

	if (strncmp(text, ARMOR_BEGIN, strlen(ARMOR_BEGIN)) == 0) {
		err = take_armor_off(text, file, &size);
		bytes = file;
	}
	if (!err)
		err = age_unwrap_passphrase(passphrase->text, passphrase->size, bytes, size,
					    (uint8_t *)plain, IDENTITY_FILE_MAX, &plain_size);
	plain[plain_size] = 0;
	if (err)
		*plain = 0;
	return err;
}
