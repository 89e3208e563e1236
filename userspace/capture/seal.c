// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/seal.h"

#include "base/bytes.h"
#include "capture/header.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define LABEL_KEYS  "heaptrail/keys/v1" /* with its terminating 0, which separates it */
#define LABEL_CHAIN "heaptrail/chain/v1"
#define LABEL_CHUNK "heaptrail/chunk/v1"

/* HKDF-Expand with SHA-256 (RFC 5869, 2.3); libsodium 1.0.18 has only the HMAC. */
static void hkdf_expand(uint8_t *out, size_t size, const uint8_t key[static 32],
			const uint8_t *info, size_t info_size)
{
	uint8_t block[32];
	uint8_t counter = 0;

	for (size_t done = 0; done < size; done += sizeof(block)) {
		crypto_auth_hmacsha256_state state;
		size_t left = size - done;
		crypto_auth_hmacsha256_init(&state, key, 32);
		if (counter++)
			crypto_auth_hmacsha256_update(&state, block, sizeof(block));
		crypto_auth_hmacsha256_update(&state, info, info_size);
		crypto_auth_hmacsha256_update(&state, &counter, 1);
		crypto_auth_hmacsha256_final(&state, block);
		memcpy(out + done, block, left < sizeof(block) ? left : sizeof(block));
		sodium_memzero(&state, sizeof(state));
	}
	sodium_memzero(block, sizeof(block));
}

void seal_derive(struct seal_keys *keys, const uint8_t cek[static CAPTURE_KEY_BYTES],
		 const uint8_t header[static CAPTURE_HEADER_BYTES])
{
	uint8_t info[sizeof(LABEL_KEYS) + 32 + HEADER_SIGNED_BYTES - 32], *at = info;

	_Static_assert(sizeof(struct seal_keys) == 140, "HKDF fills it without gaps");
	at = mempcpy(at, LABEL_KEYS, sizeof(LABEL_KEYS));
	at = mempcpy(at, header + HEADER_SALT, 32);
	at = mempcpy(at, header, HEADER_COMMITMENT);
	mempcpy(at, header + HEADER_COMMITMENT + 32, HEADER_SIGNED_BYTES - HEADER_COMMITMENT - 32);
	hkdf_expand((uint8_t *)keys, sizeof(*keys), cek, info, sizeof(info));
}

static void nonce_of(const struct seal_keys *keys, const uint8_t header[static CHUNK_HEADER_BYTES],
		     uint8_t nonce[static 12])
{
	memcpy(nonce, keys->base_nonce, 12);
	for (int i = 0; i < 2; i++)
		nonce[i] ^= header[CHUNK_ATTEMPT + i];
	for (int i = 0; i < 8; i++)
		nonce[4 + i] ^= header[CHUNK_SEQUENCE + i];
}

void seal_encrypt(const struct seal_keys *keys, const uint8_t header[static CHUNK_HEADER_BYTES],
		  const uint8_t *in, size_t size, uint8_t *out)
{
	uint8_t nonce[12];

	nonce_of(keys, header, nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, size, header, CHUNK_HEADER_BYTES,
						  NULL, nonce, keys->key);
}

int seal_decrypt(const struct seal_keys *keys, const uint8_t header[static CHUNK_HEADER_BYTES],
		 const uint8_t *in, size_t size, uint8_t *out)
{
	uint8_t nonce[12];

	nonce_of(keys, header, nonce);
	return crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, size, header,
							 CHUNK_HEADER_BYTES, nonce, keys->key)
		       ? -EBADMSG
		       : 0;
}

void seal_htag(const struct seal_keys *keys, const uint8_t chain[static SEAL_HASH_BYTES],
	       const uint8_t header[static CHUNK_HEADER_BYTES], uint8_t tag[static 16])
{
	uint8_t input[SEAL_HASH_BYTES + CHUNK_HTAG];

	memcpy(input, chain, SEAL_HASH_BYTES);
	memcpy(input + SEAL_HASH_BYTES, header, CHUNK_HTAG);
	crypto_generichash(tag, 16, input, sizeof(input), keys->htag, sizeof(keys->htag));
}

void seal_chain_start(uint8_t chain[static SEAL_HASH_BYTES],
		      const uint8_t header[static CAPTURE_HEADER_BYTES])
{
	uint8_t input[sizeof(LABEL_CHAIN) + CAPTURE_HEADER_BYTES];

	memcpy(input, LABEL_CHAIN, sizeof(LABEL_CHAIN));
	memcpy(input + sizeof(LABEL_CHAIN), header, CAPTURE_HEADER_BYTES);
	crypto_generichash(chain, SEAL_HASH_BYTES, input, sizeof(input), NULL, 0);
}

void seal_chain_step(uint8_t chain[static SEAL_HASH_BYTES],
		     const uint8_t header[static CHUNK_HEADER_BYTES], const uint8_t *cipher,
		     size_t size)
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, SEAL_HASH_BYTES);
	crypto_generichash_update(&state, chain, SEAL_HASH_BYTES);
	crypto_generichash_update(&state, header, CHUNK_HEADER_BYTES);
	crypto_generichash_update(&state, cipher, size);
	crypto_generichash_final(&state, chain, SEAL_HASH_BYTES);
}

#define CHUNK_MESSAGE_BYTES (sizeof(LABEL_CHUNK) + 16 + 8 + SEAL_HASH_BYTES)

static void chunk_message(uint8_t message[static CHUNK_MESSAGE_BYTES], const uint8_t id[static 16],
			  uint64_t sequence, const uint8_t chain[static SEAL_HASH_BYTES])
{
	uint8_t *at = mempcpy(message, LABEL_CHUNK, sizeof(LABEL_CHUNK));

	at = mempcpy(at, id, 16);
	for (int i = 0; i < 8; i++)
		*at++ = (uint8_t)(sequence >> (8 * i));
	memcpy(at, chain, SEAL_HASH_BYTES);
}

void seal_sign_chunk(const uint8_t sk[static 64], const uint8_t id[static 16], uint64_t sequence,
		     const uint8_t chain[static SEAL_HASH_BYTES], uint8_t sig[static 64])
{
	uint8_t message[CHUNK_MESSAGE_BYTES];

	chunk_message(message, id, sequence, chain);
	crypto_sign_detached(sig, NULL, message, sizeof(message), sk);
}

int seal_check_chunk(const uint8_t pk[static 32], const uint8_t id[static 16], uint64_t sequence,
		     const uint8_t chain[static SEAL_HASH_BYTES], const uint8_t sig[static 64])
{
	uint8_t message[CHUNK_MESSAGE_BYTES];

	chunk_message(message, id, sequence, chain);
	return crypto_sign_verify_detached(sig, message, sizeof(message), pk) ? -EBADMSG : 0;
}
