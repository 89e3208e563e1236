// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/age.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define VERSION_LINE   "age-encryption.org/v1\n"
#define FILE_KEY_BYTES 16
#define WRAPPED_BYTES  (FILE_KEY_BYTES + 16)
#define TEXT_MAX       48 /* base64 of 32 bytes without padding, and its 0 */
#define BASE64	       sodium_base64_VARIANT_ORIGINAL_NO_PADDING

/* HKDF-SHA256 (RFC 5869) for one block of output. */
static void hkdf(uint8_t out[static 32], const uint8_t *key, size_t key_size, const uint8_t *salt,
		 size_t salt_size, const char *info)
{
	crypto_auth_hmacsha256_state state;
	uint8_t prk[32];

	crypto_auth_hmacsha256_init(&state, salt, salt_size);
	crypto_auth_hmacsha256_update(&state, key, key_size);
	crypto_auth_hmacsha256_final(&state, prk);
	crypto_auth_hmacsha256_init(&state, prk, sizeof(prk));
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)info, strlen(info));
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)"\1", 1);
	crypto_auth_hmacsha256_final(&state, out);
	sodium_memzero(&state, sizeof(state));
	sodium_memzero(prk, sizeof(prk));
}

/* The key that wraps the file key. secret times public is the shared point. -EINVAL: a weak public
 * key. */
static int wrap_key(uint8_t key[static 32], const uint8_t secret[static 32],
		    const uint8_t public[static 32], const uint8_t share[static 32],
		    const uint8_t recipient[static 32])
{
	uint8_t shared[32], salt[64];
	int err = crypto_scalarmult(shared, secret, public) ? -EINVAL : 0;

	memcpy(salt, share, 32);
	memcpy(salt + 32, recipient, 32);
	if (!err)
		hkdf(key, shared, 32, salt, 64, "age-encryption.org/v1/X25519");
	sodium_memzero(shared, sizeof(shared));
	return err;
}

/* The same for an SSH key, converted to the curve; a tweak ties the shared point to that very key. */
static int wrap_key_ssh(uint8_t key[static 32], const uint8_t secret[static 32],
			const uint8_t share[static 32], const struct recipient *recipient)
{
	static const char LABEL[] = "age-encryption.org/v1/ssh-ed25519";
	uint8_t shared[32], tweaked[32], tweak[32], salt[64], wire[RECIPIENT_SSH_BYTES];
	int err = crypto_sign_ed25519_pk_to_curve25519(salt + 32, recipient->key) ? -EINVAL : 0;

	recipient_ssh(recipient, wire);
	memcpy(salt, share, 32);
	hkdf(tweak, (const uint8_t *)"", 0, wire, sizeof(wire), LABEL);
	if (!err && (crypto_scalarmult(shared, secret, salt + 32) ||
		     crypto_scalarmult(tweaked, tweak, shared)))
		err = -EINVAL;
	if (!err)
		hkdf(key, tweaked, 32, salt, 64, LABEL);
	sodium_memzero(shared, sizeof(shared));
	sodium_memzero(tweaked, sizeof(tweaked));
	return err;
}

/* What stands between "-> " and the share: the kind, and of an SSH key the beginning of its hash. */
static void stanza_name(const struct recipient *recipient, char name[static 32])
{
	uint8_t wire[RECIPIENT_SSH_BYTES], hash[crypto_hash_sha256_BYTES];
	char tag[8];

	if (recipient->kind == RECIPIENT_X25519) {
		strcpy(name, "X25519");
		return;
	}
	recipient_ssh(recipient, wire);
	crypto_hash_sha256(hash, wire, sizeof(wire));
	sodium_bin2base64(tag, sizeof(tag), hash, 4, BASE64);
	snprintf(name, 32, "ssh-ed25519 %s", tag);
}

static void header_mac(uint8_t mac[static 32], const uint8_t file_key[static FILE_KEY_BYTES],
		       const uint8_t *header, size_t size)
{
	uint8_t key[32];

	hkdf(key, file_key, FILE_KEY_BYTES, (const uint8_t *)"", 0, "header");
	crypto_auth_hmacsha256(mac, header, size, key);
	sodium_memzero(key, sizeof(key));
}

/* A payload of one STREAM chunk: counter 0, marked as the last. */
static const uint8_t STREAM_NONCE[12] = { [11] = 1 };
static const uint8_t ZERO_NONCE[12] = { 0 };

static int put_stanza(const struct recipient *recipient,
		      const uint8_t file_key[static FILE_KEY_BYTES], struct bytes_buffer *out)
{
	uint8_t secret[32], share[32], key[32], wrapped[WRAPPED_BYTES];
	char share_text[TEXT_MAX], wrapped_text[TEXT_MAX], name[32], stanza[192];

	randombytes_buf(secret, sizeof(secret));
	crypto_scalarmult_base(share, secret);
	int err = recipient->kind == RECIPIENT_X25519
			  ? wrap_key(key, secret, recipient->key, share, recipient->key)
			  : wrap_key_ssh(key, secret, share, recipient);
	if (!err) {
		crypto_aead_chacha20poly1305_ietf_encrypt(wrapped, NULL, file_key, FILE_KEY_BYTES,
							  NULL, 0, NULL, ZERO_NONCE, key);
		sodium_bin2base64(share_text, sizeof(share_text), share, 32, BASE64);
		sodium_bin2base64(wrapped_text, sizeof(wrapped_text), wrapped, WRAPPED_BYTES,
				  BASE64);
		stanza_name(recipient, name);
		int n = snprintf(stanza, sizeof(stanza), VERSION_LINE "-> %s %s\n%s\n---", name,
				 share_text, wrapped_text);
		bytes_put(out, stanza, (size_t)n);
	}
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(key, sizeof(key));
	return err;
}

int age_wrap(const struct recipient *recipient, const uint8_t *secret, size_t size,
	     struct bytes_buffer *out)
{
	uint8_t file_key[FILE_KEY_BYTES], mac[32], nonce[16], key[32];
	uint8_t sealed[AGE_PAYLOAD_MAX + 16];
	char mac_text[TEXT_MAX];
	size_t start = out->size;

	if (size > AGE_PAYLOAD_MAX)
		return -EINVAL;
	randombytes_buf(file_key, sizeof(file_key));
	int err = put_stanza(recipient, file_key, out);
	if (!err && !out->failed) {
		header_mac(mac, file_key, out->data + start, out->size - start);
		sodium_bin2base64(mac_text, sizeof(mac_text), mac, 32, BASE64);
		randombytes_buf(nonce, sizeof(nonce));
		hkdf(key, file_key, FILE_KEY_BYTES, nonce, sizeof(nonce), "payload");
		crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, secret, size, NULL, 0, NULL,
							  STREAM_NONCE, key);
		bytes_put(out, " ", 1);
		bytes_put(out, mac_text, strlen(mac_text));
		bytes_put(out, "\n", 1);
		bytes_put(out, nonce, sizeof(nonce));
		bytes_put(out, sealed, size + 16);
	}
	sodium_memzero(file_key, sizeof(file_key));
	sodium_memzero(key, sizeof(key));
	return !err && out->failed ? -ENOMEM : err;
}

/* The next line, without its newline; false where there is none. */
static bool next_line(struct bytes_reader *reader, const char **line, size_t *length)
{
	const uint8_t *end = memchr(reader->at, '\n', bytes_left(reader));

	if (!end)
		return false;
	*line = (const char *)reader->at;
	*length = (size_t)(end - reader->at);
	reader->at = end + 1;
	return true;
}

/* Exactly 32 bytes in canonical base64: encoded again, since libsodium 1.0.18 also takes 0xaf for
 * '/'. */
static bool decode_32(const char *text, size_t length, uint8_t out[static 32])
{
	char again[TEXT_MAX];
	size_t size = 0;

	if (sodium_base642bin(out, 32, text, length, NULL, &size, NULL, BASE64) || size != 32)
		return false;
	sodium_bin2base64(again, sizeof(again), out, 32, BASE64);
	return length == strlen(again) && memcmp(text, again, length) == 0;
}

/* One stanza: tries to open an X25519 one, passes over others. 1: *file_key is known. */
static int read_stanza(struct bytes_reader *reader, const char *line, size_t length,
		       const uint8_t identity[static 32], uint8_t file_key[static FILE_KEY_BYTES])
{
	uint8_t share[32], wrapped[WRAPPED_BYTES], recipient[32], key[32];
	const char *body;
	size_t body_length;
	int opened = 0;

	if (!next_line(reader, &body, &body_length))
		return -EBADMSG;
	if (length > 10 && memcmp(line, "-> X25519 ", 10) == 0) {
		if (!decode_32(line + 10, length - 10, share) ||
		    !decode_32(body, body_length, wrapped))
			return -EBADMSG;
		crypto_scalarmult_base(recipient, identity);
		opened = wrap_key(key, identity, share, share, recipient) == 0 &&
			 crypto_aead_chacha20poly1305_ietf_decrypt(file_key, NULL, NULL, wrapped,
								   WRAPPED_BYTES, NULL, 0,
								   ZERO_NONCE, key) == 0;
		sodium_memzero(key, sizeof(key));
	}
	/* a body goes on for as long as its lines are full */
	while (body_length == 64)
		if (!next_line(reader, &body, &body_length))
			return -EBADMSG;
	return opened;
}

/* Reads the header up to the payload. 0 and the file key. */
static int read_header(struct bytes_reader *reader, const uint8_t identity[static 32],
		       uint8_t file_key[static FILE_KEY_BYTES])
{
	const uint8_t *start = reader->at;
	uint8_t mac[32], expected[32];
	const char *line;
	size_t length;
	bool opened = false;

	if (!next_line(reader, &line, &length) || length + 1 != strlen(VERSION_LINE) ||
	    memcmp(line, VERSION_LINE, length) != 0)
		return -EBADMSG;
	while (next_line(reader, &line, &length)) {
		if (length > 4 && memcmp(line, "--- ", 4) == 0) {
			if (!opened)
				return -ENOKEY;
			header_mac(expected, file_key, start,
				   (size_t)((const uint8_t *)line + 3 - start));
			if (!decode_32(line + 4, length - 4, mac) ||
			    sodium_memcmp(mac, expected, 32))
				return -EBADMSG;
			return 0;
		}
		if (length < 3 || memcmp(line, "-> ", 3) != 0)
			return -EBADMSG;
		uint8_t key[FILE_KEY_BYTES];
		int found = read_stanza(reader, line, length, identity, key);
		if (found < 0)
			return found;
		if (found) {
			memcpy(file_key, key, sizeof(key));
			opened = true;
		}
		sodium_memzero(key, sizeof(key));
	}
	return -EBADMSG;
}

int age_unwrap(const uint8_t identity[static 32], const uint8_t *file, size_t file_size,
	       uint8_t *secret, size_t size)
{
	struct bytes_reader reader = bytes_reader_on(file, file_size);
	uint8_t file_key[FILE_KEY_BYTES] = { 0 }, key[32];
	int err = read_header(&reader, identity, file_key);

	if (!err) {
		const uint8_t *nonce = bytes_get(&reader, 16);
		const uint8_t *sealed = bytes_get(&reader, size + 16);
		if (reader.failed || bytes_left(&reader)) {
			err = -EBADMSG;
		} else {
			hkdf(key, file_key, FILE_KEY_BYTES, nonce, 16, "payload");
			if (crypto_aead_chacha20poly1305_ietf_decrypt(secret, NULL, NULL, sealed,
								      size + 16, NULL, 0,
								      STREAM_NONCE, key))
				err = -EBADMSG;
			sodium_memzero(key, sizeof(key));
		}
	}
	sodium_memzero(file_key, sizeof(file_key));
	return err;
}
