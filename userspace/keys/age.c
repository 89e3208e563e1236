// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/age.h"

#include "keys/age_stanza.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#define FILE_KEY_BYTES 16
#define WRAPPED_BYTES  (FILE_KEY_BYTES + 16)
#define X25519	       "X25519"
#define SSH	       "ssh-ed25519"
#define SSH_TAG_BYTES  4
#define SCRYPT	       "scrypt"
#define SALT_BYTES     16 /* of scrypt */
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

/* The same for an SSH key, whose point on the curve is among what the key is made of; a tweak ties
 * the shared point to that very key. */
static int wrap_key_ssh(uint8_t key[static 32], const uint8_t secret[static 32],
			const uint8_t public[static 32], const uint8_t share[static 32],
			const struct recipient *recipient)
{
	static const char LABEL[] = "age-encryption.org/v1/ssh-ed25519";
	uint8_t shared[32], tweaked[32], tweak[32], salt[64], wire[RECIPIENT_SSH_BYTES];
	int err = crypto_sign_ed25519_pk_to_curve25519(salt + 32, recipient->key) ? -EINVAL : 0;

	recipient_ssh(recipient, wire);
	memcpy(salt, share, 32);
	hkdf(tweak, (const uint8_t *)"", 0, wire, sizeof(wire), LABEL);
	if (!err && (crypto_scalarmult(shared, secret, public) ||
		     crypto_scalarmult(tweaked, tweak, shared)))
		err = -EINVAL;
	if (!err)
		hkdf(key, tweaked, 32, salt, 64, LABEL);
	sodium_memzero(shared, sizeof(shared));
	sodium_memzero(tweaked, sizeof(tweaked));
	return err;
}

/* By which a stanza for an SSH key says which it is for: the beginning of its hash. */
static void ssh_tag(const struct recipient *recipient, uint8_t tag[static SSH_TAG_BYTES])
{
	uint8_t wire[RECIPIENT_SSH_BYTES], hash[crypto_hash_sha256_BYTES];

	recipient_ssh(recipient, wire);
	crypto_hash_sha256(hash, wire, sizeof(wire));
	memcpy(tag, hash, SSH_TAG_BYTES);
}

/* What stands between "-> " and the share. */
static void stanza_name(const struct recipient *recipient, char name[static 32])
{
	uint8_t tag[SSH_TAG_BYTES];
	char text[8];

	if (recipient->kind == RECIPIENT_X25519) {
		strcpy(name, X25519);
		return;
	}
	ssh_tag(recipient, tag);
	sodium_bin2base64(text, sizeof(text), tag, sizeof(tag), BASE64);
	snprintf(name, 32, SSH " %s", text);
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
	uint8_t secret[32], share[32], key[32], point[32], wrapped[WRAPPED_BYTES];
	char share_text[TEXT_MAX], wrapped_text[TEXT_MAX], name[32], stanza[192];
	int err;

	randombytes_buf(secret, sizeof(secret));
	crypto_scalarmult_base(share, secret);
	if (recipient->kind == RECIPIENT_X25519)
		err = wrap_key(key, secret, recipient->key, share, recipient->key);
	else if (crypto_sign_ed25519_pk_to_curve25519(point, recipient->key))
		err = -EINVAL;
	else
		err = wrap_key_ssh(key, secret, point, share, recipient);
	if (!err) {
		crypto_aead_chacha20poly1305_ietf_encrypt(wrapped, NULL, file_key, FILE_KEY_BYTES,
							  NULL, 0, NULL, ZERO_NONCE, key);
		sodium_bin2base64(share_text, sizeof(share_text), share, 32, BASE64);
		sodium_bin2base64(wrapped_text, sizeof(wrapped_text), wrapped, WRAPPED_BYTES,
				  BASE64);
		stanza_name(recipient, name);
		int n = snprintf(stanza, sizeof(stanza), AGE_VERSION_LINE "-> %s %s\n%s\n---", name,
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

	if (size > AGE_PAYLOAD_MAX || recipient->kind == RECIPIENT_PLUGIN)
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

/* What a header's stanzas are tried with. */
struct opener {
	/* 1: *file_key is known; 0: it is for somebody else; -errno */
	int (*try)(const struct opener *opener, const struct age_stanza *stanza,
		   uint8_t file_key[static FILE_KEY_BYTES]);
	const struct age_key *key;
	const char *passphrase;
	size_t passphrase_size;
};

static bool open_file_key(const struct age_stanza *stanza, const uint8_t key[static 32],
			  uint8_t file_key[static FILE_KEY_BYTES])
{
	return crypto_aead_chacha20poly1305_ietf_decrypt(file_key, NULL, NULL, stanza->body,
							 WRAPPED_BYTES, NULL, 0, ZERO_NONCE,
							 key) == 0;
}

static int try_x25519(const struct opener *opener, const struct age_stanza *stanza,
		      uint8_t file_key[static FILE_KEY_BYTES])
{
	uint8_t share[32], key[32];

	if (!age_word_is(&stanza->words[0], X25519))
		return 0;
	/* the body's size is checked before it is decrypted: one that opens with two keys is longer
	 */
	if (stanza->word_count != 2 || !age_word_decode(&stanza->words[1], share, sizeof(share)) ||
	    stanza->body_size != WRAPPED_BYTES ||
	    wrap_key(key, opener->key->secret, share, share, opener->key->recipient.key))
		return -EBADMSG;
	bool is_ours = open_file_key(stanza, key, file_key);
	sodium_memzero(key, sizeof(key));
	return is_ours;
}

static int try_ssh(const struct opener *opener, const struct age_stanza *stanza,
		   uint8_t file_key[static FILE_KEY_BYTES])
{
	uint8_t tag[SSH_TAG_BYTES], ours[SSH_TAG_BYTES], share[32], key[32];

	if (!age_word_is(&stanza->words[0], SSH))
		return 0;
	if (stanza->word_count != 3 || !age_word_decode(&stanza->words[1], tag, sizeof(tag)) ||
	    !age_word_decode(&stanza->words[2], share, sizeof(share)) ||
	    stanza->body_size != WRAPPED_BYTES)
		return -EBADMSG;
	ssh_tag(&opener->key->recipient, ours);
	if (memcmp(tag, ours, sizeof(tag)) != 0)
		return 0;
	if (wrap_key_ssh(key, opener->key->secret, share, share, &opener->key->recipient))
		return -EBADMSG;
	bool is_ours = open_file_key(stanza, key, file_key);
	sodium_memzero(key, sizeof(key));
	return is_ours;
}

/* The binary logarithm of scrypt's cost; 0: it is none. */
static unsigned work_factor(const struct age_word *word)
{
	unsigned factor = 0;

	if (word->length > 2 || word->text[0] == '0')
		return 0;
	for (size_t i = 0; i < word->length; i++) {
		if (word->text[i] < '0' || word->text[i] > '9')
			return 0;
		factor = factor * 10 + (unsigned)(word->text[i] - '0');
	}
	return factor;
}

static int try_passphrase(const struct opener *opener, const struct age_stanza *stanza,
			  uint8_t file_key[static FILE_KEY_BYTES])
{
	static const char LABEL[] = "age-encryption.org/v1/scrypt";
	uint8_t salt[sizeof(LABEL) - 1 + SALT_BYTES], key[32];

	if (!age_word_is(&stanza->words[0], SCRYPT))
		return 0;
	memcpy(salt, LABEL, sizeof(LABEL) - 1);
	unsigned factor = stanza->word_count == 3 ? work_factor(&stanza->words[2]) : 0;
	if (!factor || stanza->body_size != WRAPPED_BYTES ||
	    !age_word_decode(&stanza->words[1], salt + sizeof(LABEL) - 1, SALT_BYTES))
		return -EBADMSG;
	if (factor > AGE_WORK_FACTOR_MAX)
		return -E2BIG;
	if (crypto_pwhash_scryptsalsa208sha256_ll((const uint8_t *)opener->passphrase,
						  opener->passphrase_size, salt, sizeof(salt),
						  1ull << factor, 8, 1, key, sizeof(key)))
		return -ENOMEM;
	bool is_ours = open_file_key(stanza, key, file_key);
	sodium_memzero(key, sizeof(key));
	return is_ours;
}

/* All of the header has its form before any of it is used; a passphrase is the only way into a file
 * that has one. */
static int check_header(struct bytes_reader reader)
{
	struct age_stanza stanza;
	size_t count = 0, scrypt_count = 0, covered;
	uint8_t mac[32];
	int found = age_version_read(&reader);

	if (found)
		return found;
	while ((found = age_stanza_read(&reader, &stanza)) > 0) {
		count++;
		scrypt_count += age_word_is(&stanza.words[0], SCRYPT);
	}
	if (found || count == 0 || (scrypt_count && count > 1))
		return -EBADMSG;
	return age_mac_read(&reader, mac, &covered);
}

/* Reads the header up to the payload. 0 and the file key. */
static int read_header(struct bytes_reader *reader, const struct opener *opener,
		       uint8_t file_key[static FILE_KEY_BYTES])
{
	const uint8_t *start = reader->at;
	uint8_t mac[32], expected[32], key[FILE_KEY_BYTES];
	struct age_stanza stanza;
	bool is_opened = false;
	size_t covered;
	int err = check_header(*reader);

	if (err)
		return err;
	(void)age_version_read(reader);
	while (age_stanza_read(reader, &stanza) > 0) {
		int found = opener->try(opener, &stanza, key);
		if (found > 0 && !is_opened)
			memcpy(file_key, key, sizeof(key));
		is_opened |= found > 0;
		sodium_memzero(key, sizeof(key));
		if (found < 0)
			return found;
	}
	const uint8_t *end = reader->at;
	(void)age_mac_read(reader, mac, &covered);
	if (!is_opened)
		return -ENOKEY;
	header_mac(expected, file_key, start, (size_t)(end - start) + covered);
	return sodium_memcmp(mac, expected, sizeof(mac)) ? -EBADMSG : 0;
}

/* A payload of one chunk, as long as it is. */
static int read_payload(struct bytes_reader *reader, const uint8_t file_key[static FILE_KEY_BYTES],
			uint8_t *secret, size_t max, size_t *size)
{
	const uint8_t *nonce = bytes_get(reader, 16);
	size_t sealed_size = bytes_left(reader);
	const uint8_t *sealed = bytes_get(reader, sealed_size);
	uint8_t key[32];

	if (reader->failed || sealed_size < 16 || sealed_size - 16 > max)
		return -EBADMSG;
	*size = sealed_size - 16;
	hkdf(key, file_key, FILE_KEY_BYTES, nonce, 16, "payload");
	int wrong = crypto_aead_chacha20poly1305_ietf_decrypt(
		secret, NULL, NULL, sealed, sealed_size, NULL, 0, STREAM_NONCE, key);
	sodium_memzero(key, sizeof(key));
	return wrong ? -EBADMSG : 0;
}

static int open_file(const struct opener *opener, const uint8_t *file, size_t file_size,
		     uint8_t *secret, size_t max, size_t *size)
{
	struct bytes_reader reader = bytes_reader_on(file, file_size);
	uint8_t file_key[FILE_KEY_BYTES] = { 0 };
	int err = read_header(&reader, opener, file_key);

	if (!err)
		err = read_payload(&reader, file_key, secret, max, size);
	sodium_memzero(file_key, sizeof(file_key));
	return err;
}

void age_key_x25519(struct age_key *key, const uint8_t identity[static 32])
{
	*key = (struct age_key) { .recipient = { .kind = RECIPIENT_X25519 } };
	memcpy(key->secret, identity, sizeof(key->secret));
	crypto_scalarmult_base(key->recipient.key, identity);
}

void age_key_ssh(struct age_key *key, const uint8_t seed[static 32])
{
	uint8_t pair[crypto_sign_SECRETKEYBYTES];

	*key = (struct age_key) { .recipient = { .kind = RECIPIENT_SSH_ED25519 } };
	crypto_sign_seed_keypair(key->recipient.key, pair, seed);
	crypto_sign_ed25519_sk_to_curve25519(key->secret, pair);
	sodium_memzero(pair, sizeof(pair));
}

int age_unwrap_by(const struct age_key *key, const uint8_t *file, size_t file_size, uint8_t *secret,
		  size_t size)
{
	const struct opener opener = { .try = key->recipient.kind == RECIPIENT_X25519 ? try_x25519
										      : try_ssh,
				       .key = key };
	size_t found = 0;
	int err = open_file(&opener, file, file_size, secret, size, &found);

	return !err && found != size ? -EBADMSG : err;
}

int age_unwrap(const uint8_t identity[static 32], const uint8_t *file, size_t file_size,
	       uint8_t *secret, size_t size)
{
	struct age_key key;

	age_key_x25519(&key, identity);
	int err = age_unwrap_by(&key, file, file_size, secret, size);
	sodium_memzero(&key, sizeof(key));
	return err;
}

int age_unwrap_passphrase(const char *passphrase, size_t passphrase_size, const uint8_t *file,
			  size_t file_size, uint8_t *secret, size_t max, size_t *size)
{
	const struct opener opener = { .try = try_passphrase,
				       .passphrase = passphrase,
				       .passphrase_size = passphrase_size };

	return open_file(&opener, file, file_size, secret, max, size);
}

bool age_is_file(const uint8_t *file, size_t file_size, size_t secret_size)
{
	struct bytes_reader reader = bytes_reader_on(file, file_size);
	struct age_stanza stanza;
	uint8_t mac[32];
	size_t covered;

	if (check_header(reader))
		return false;
	(void)age_version_read(&reader);
	while (age_stanza_read(&reader, &stanza) > 0)
		;
	(void)age_mac_read(&reader, mac, &covered);
	return bytes_left(&reader) == 16 + secret_size + 16;
}

bool age_has_passphrase(const uint8_t *file, size_t file_size)
{
	struct bytes_reader reader = bytes_reader_on(file, file_size);
	struct age_stanza stanza;

	return age_version_read(&reader) == 0 && age_stanza_read(&reader, &stanza) > 0 &&
	       age_word_is(&stanza.words[0], SCRYPT);
}

bool age_names_ssh_key(const uint8_t *file, size_t file_size, const struct recipient *recipient)
{
	struct bytes_reader reader = bytes_reader_on(file, file_size);
	uint8_t tag[SSH_TAG_BYTES], ours[SSH_TAG_BYTES];
	struct age_stanza stanza;

	ssh_tag(recipient, ours);
	if (age_version_read(&reader))
		return false;
	while (age_stanza_read(&reader, &stanza) > 0)
		if (stanza.word_count == 3 && age_word_is(&stanza.words[0], SSH) &&
		    age_word_decode(&stanza.words[1], tag, sizeof(tag)) &&
		    memcmp(tag, ours, sizeof(tag)) == 0)
			return true;
	return false;
}

bool age_is_for_plugin(const uint8_t *file, size_t file_size)
{
	struct bytes_reader reader = bytes_reader_on(file, file_size);
	struct age_stanza stanza;

	if (age_version_read(&reader))
		return false;
	while (age_stanza_read(&reader, &stanza) > 0)
		if (!age_word_is(&stanza.words[0], X25519) && !age_word_is(&stanza.words[0], SSH) &&
		    !age_word_is(&stanza.words[0], SCRYPT))
			return true;
	return false;
}
