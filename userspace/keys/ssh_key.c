// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/ssh_key.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define BEGIN	"-----BEGIN OPENSSH PRIVATE KEY-----"
#define END	"-----END OPENSSH PRIVATE KEY-----"
#define MAGIC	"openssh-key-v1" /* with its 0 */
#define TYPE	"ssh-ed25519"
#define KEY_MAX 4096 /* bytes; one of type ed25519 has about 250, and a comment */

bool ssh_key_is(const char *text)
{
	return strncmp(text, BEGIN, strlen(BEGIN)) == 0;
}

/* Numbers are big endian here. */
static uint32_t get_number(struct bytes_reader *reader)
{
	const uint8_t *at = bytes_get(reader, 4);

	return at ? (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3] : 0;
}

/* A string: its length, then its bytes. */
static struct bytes_reader get_string(struct bytes_reader *reader)
{
	size_t size = get_number(reader);
	const uint8_t *at = bytes_get(reader, size);

	return bytes_reader_on(at, at ? size : 0);
}

static bool is_text(struct bytes_reader string, const char *text)
{
	size_t size = strlen(text);
	const uint8_t *bytes = bytes_left(&string) == size ? bytes_get(&string, size) : NULL;

	return bytes && memcmp(bytes, text, size) == 0;
}

/* The public half, as authorized_keys have it. */
static int read_public(struct bytes_reader wire, struct recipient *recipient)
{
	*recipient = (struct recipient) { .kind = RECIPIENT_SSH_ED25519 };
	if (!is_text(get_string(&wire), TYPE))
		return -ENOTSUP;
	struct bytes_reader point = get_string(&wire);
	const uint8_t *bytes = bytes_get(&point, sizeof(recipient->key));
	if (!bytes || bytes_left(&point) || bytes_left(&wire))
		return -EBADMSG;
	memcpy(recipient->key, bytes, sizeof(recipient->key));
	return 0;
}

/* Two equal numbers, type, public half, seed and public half again, comment, and the bytes 1, 2, 3…
 * up to a whole block. */
static int read_private(struct bytes_reader list, struct age_key *key)
{
	uint32_t check = get_number(&list), again = get_number(&list);
	bool is_type = is_text(get_string(&list), TYPE);
	struct bytes_reader public = get_string(&list), pair = get_string(&list);
	uint8_t named[32];
	const uint8_t *seed = bytes_get(&pair, crypto_sign_SEEDBYTES);

	(void)get_string(&list);
	memcpy(named, key->recipient.key, sizeof(named));
	if (list.failed || check != again || !is_type || bytes_left(&public) != sizeof(named) ||
	    !seed || bytes_left(&pair) != sizeof(named))
		return -EBADMSG;
	for (uint8_t i = 1; bytes_left(&list); i++)
		if (bytes_get_u8(&list) != i)
			return -EBADMSG;
	age_key_ssh(key, seed);
	/* all three say the same */
	return memcmp(key->recipient.key, named, sizeof(named)) != 0 ||
			       memcmp(bytes_get(&public, sizeof(named)), named, sizeof(named)) ||
			       memcmp(bytes_get(&pair, sizeof(named)), named, sizeof(named))
		       ? -EBADMSG
		       : 0;
}

static int read_key(struct bytes_reader reader, struct age_key *key)
{
	const uint8_t *magic = bytes_get(&reader, sizeof(MAGIC));

	if (!magic || memcmp(magic, MAGIC, sizeof(MAGIC)) != 0)
		return -EBADMSG;
	bool is_clear = is_text(get_string(&reader), "none");
	bool has_no_kdf = is_text(get_string(&reader), "none");
	(void)get_string(&reader); /* what the kdf takes */
	uint32_t count = get_number(&reader);
	struct bytes_reader public = get_string(&reader), private = get_string(&reader);
	if (reader.failed || bytes_left(&reader) || count != 1 || is_clear != has_no_kdf)
		return -EBADMSG;
	int err = read_public(public, &key->recipient);
	if (err)
		return err;
	return is_clear ? read_private(private, key) : -EACCES;
}

int ssh_key_parse(const char *text, struct age_key *key)
{
	const char *start = text + strlen(BEGIN);
	const char *end = ssh_key_is(text) ? strstr(start, "\n" END) : NULL;
	uint8_t *bytes = end ? sodium_malloc(KEY_MAX) : NULL;
	size_t size;
	int err = -EBADMSG;

	*key = (struct age_key) { 0 };
	if (end && !bytes)
		return -ENOMEM;
	if (bytes && sodium_base642bin(bytes, KEY_MAX, start, (size_t)(end - start), "\r\n", &size,
				       NULL, sodium_base64_VARIANT_ORIGINAL) == 0)
		err = read_key(bytes_reader_on(bytes, size), key);
	if (err && err != -EACCES)
		sodium_memzero(key, sizeof(*key));
	sodium_free(bytes);
	return err;
}
