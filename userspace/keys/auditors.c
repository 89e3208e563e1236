// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/auditors.h"

#include "keys/age.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define BASE64 sodium_base64_VARIANT_ORIGINAL

int auditors_read(const char *key_directory, struct auditors *auditors, unsigned *line)
{
	struct recipient recipients[AUDITORS_MAX];
	int err = recipients_read(key_directory, AUDITORS_NAME, recipients, AUDITORS_MAX,
				  &auditors->count, line);

	for (size_t i = 0; !err && i < auditors->count; i++) {
		/* whoever checks has an age identity */
		if (recipients[i].kind != RECIPIENT_X25519)
			err = -EBADMSG;
		memcpy(auditors->recipients[i], recipients[i].key, 32);
	}
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
		struct recipient recipient = { .kind = RECIPIENT_X25519 };
		memcpy(recipient.key, auditors->recipients[i], sizeof(recipient.key));
		err = age_wrap(&recipient, secret, 32, &file);
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
