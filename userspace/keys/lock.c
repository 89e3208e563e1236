// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/lock.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBLIC_LINE "# public key: "
#define LOCK_WORD   "heaptrail-locked-v1 "
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_BYTES   crypto_aead_xchacha20poly1305_ietf_ABYTES
#define BASE64	    sodium_base64_VARIANT_ORIGINAL_NO_PADDING
#define SEALED_MAX  3072 /* bytes, which are LOCK_TEXT_MAX as text */

_Static_assert(sizeof(((struct lock *)0)->salt) == crypto_pwhash_argon2id_SALTBYTES, "its salt");
_Static_assert(sizeof(((struct lock *)0)->key) == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	       "a key");

static const char *next_line(const char *text)
{
	const char *end = strchr(text, '\n');

	return end ? end + 1 : NULL;
}

/* The line with the cost, which is the second; NULL: there is none. */
static const char *find_lock(const char *text)
{
	const char *line = strncmp(text, PUBLIC_LINE, strlen(PUBLIC_LINE)) == 0 ? next_line(text)
										: NULL;

	return line && strncmp(line, LOCK_WORD, strlen(LOCK_WORD)) == 0 ? line : NULL;
}

bool lock_is(const char *text)
{
	return find_lock(text) != NULL;
}

/* A number without a sign or leading zeros, and what is behind it. */
static bool read_number(const char **at, uint32_t max, uint32_t *number)
{
	char *end;

	if (**at < '1' || **at > '9')
		return false;
	unsigned long long value = strtoull(*at, &end, 10);
	/* what is no number that fits is too large, however large it is */
	*number = value > max ? max + 1 : (uint32_t)value;
	if (*end != ' ')
		return false;
	*at = end + 1;
	return true;
}

int lock_read(const char *text, struct lock *lock, char recipient[static BECH32_TEXT_MAX])
{
	const char *public = text + strlen(PUBLIC_LINE), *line = find_lock(text), *at;
	size_t size, length;

	if (!line)
		return -EBADMSG;
	length = strcspn(public, "\n");
	if (length >= BECH32_TEXT_MAX)
		return -EBADMSG;
	memcpy(recipient, public, length);
	recipient[length] = 0;
	at = line + strlen(LOCK_WORD);
	if (strncmp(at, "argon2id ", 9) != 0)
		return -EBADMSG;
	at += 9;
	if (!read_number(&at, LOCK_PASSES_MAX, &lock->passes) ||
	    !read_number(&at, LOCK_KIB_MAX, &lock->kib) ||
	    sodium_base642bin(lock->salt, sizeof(lock->salt), at, strcspn(at, "\n"), NULL, &size,
			      NULL, BASE64) ||
	    size != sizeof(lock->salt) || !next_line(at))
		return -EBADMSG;
	if (lock->passes > LOCK_PASSES_MAX || lock->kib > LOCK_KIB_MAX)
		return -E2BIG;
	return lock->kib * 1024ull < crypto_pwhash_argon2id_MEMLIMIT_MIN ? -EBADMSG : 0;
}

void lock_new(struct lock *lock)
{
	lock->passes = 3;
	lock->kib = 64 << 10;
	randombytes_buf(lock->salt, sizeof(lock->salt));
}

int lock_derive(struct lock *lock, const struct passphrase *passphrase)
{
	return crypto_pwhash_argon2id(lock->key, sizeof(lock->key), passphrase->text,
				      passphrase->size, lock->salt, lock->passes,
				      (size_t)lock->kib * 1024, crypto_pwhash_ALG_ARGON2ID13)
		       ? -ENOMEM
		       : 0;
}

void lock_seal(const struct lock *lock, const char *recipient, const char *secret,
	       char text[static LOCK_TEXT_MAX])
{
	char salt[sodium_base64_ENCODED_LEN(sizeof(lock->salt), BASE64)];
	uint8_t sealed[SEALED_MAX];
	size_t size = strlen(secret);

	sodium_bin2base64(salt, sizeof(salt), lock->salt, sizeof(lock->salt), BASE64);
	int head = snprintf(text, LOCK_TEXT_MAX, PUBLIC_LINE "%s\n" LOCK_WORD "argon2id %u %u %s\n",
			    recipient, lock->passes, lock->kib, salt);
	randombytes_buf(sealed, NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(
		sealed + NONCE_BYTES, NULL, (const uint8_t *)secret, size, (const uint8_t *)text,
		(size_t)head, NULL, sealed, lock->key);
	sodium_bin2base64(text + head, LOCK_TEXT_MAX - (size_t)head, sealed,
			  NONCE_BYTES + size + TAG_BYTES, BASE64);
	strcat(text, "\n");
}

int lock_open(const struct lock *lock, const char *text, char secret[static LOCK_TEXT_MAX])
{
	const char *data = next_line(find_lock(text));
	uint8_t sealed[SEALED_MAX];
	unsigned long long size = 0;
	size_t sealed_size;

	if (sodium_base642bin(sealed, sizeof(sealed), data, strcspn(data, "\n"), NULL, &sealed_size,
			      NULL, BASE64) ||
	    sealed_size < NONCE_BYTES + TAG_BYTES ||
	    crypto_aead_xchacha20poly1305_ietf_decrypt(
		    (uint8_t *)secret, &size, NULL, sealed + NONCE_BYTES, sealed_size - NONCE_BYTES,
		    (const uint8_t *)text, (size_t)(data - text), sealed, lock->key))
		return -EKEYREJECTED;
	secret[size] = 0;
	return 0;
}
