// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/seal.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t PAYLOAD[7] = "payload";
static uint8_t header[CAPTURE_HEADER_BYTES], chunk[CHUNK_HEADER_BYTES];
static struct seal_keys keys;

static int set_up(void **state)
{
	uint8_t cek[CAPTURE_KEY_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cek); i++)
		cek[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(header); i++)
		header[i] = (uint8_t)(7 * i + 3);
	memcpy(chunk, CHUNK_MAGIC, 4);
	chunk[CHUNK_TYPE] = CHUNK_EVENTS;
	memcpy(chunk + CHUNK_ATTEMPT, "\x01\x02", 2);
	memcpy(chunk + CHUNK_SEQUENCE, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	seal_derive(&keys, cek, header);
	return sodium_init() < 0 ? -1 : 0;
}

static void assert_hex(const void *data, size_t size, const char *expected)
{
	char text[200];

	assert_string_equal(sodium_bin2hex(text, sizeof(text), data, size), expected);
}

/* The values were computed from docs/capture-format.md with Python's hashlib and cryptography. */
static void keys_chain_and_cipher_are_as_documented(void **state)
{
	uint8_t hash[32], chain[SEAL_HASH_BYTES], cipher[sizeof(PAYLOAD) + SEAL_TAG_BYTES];

	(void)state;
	crypto_hash_sha256(hash, (const uint8_t *)&keys, sizeof(keys));
	assert_hex(hash, 32, "e6896b9f8ece79670f690dca929e231f3558944456dceaffd6882e220a32e663");
	assert_hex(keys.commitment, 32,
		   "0b7ac8dc962f5eae64492afbe156e22825809974ba9c29a9eac164cf889d077f");
	seal_chain_start(chain, header);
	seal_htag(&keys, chain, chunk, chunk + CHUNK_HTAG);
	assert_hex(chunk + CHUNK_HTAG, 16, "1db96804e5d07e4c119373a8b2694c77");
	seal_encrypt(&keys, chunk, PAYLOAD, sizeof(PAYLOAD), cipher);
	assert_hex(cipher, sizeof(cipher), "552d8055cdec9bf7c71ec6e96417707e98d99798d32f75");
	seal_chain_step(chain, chunk, cipher, sizeof(cipher));
	assert_hex(chain, 32, "6ece38c6f0b4a9f41f956120157db5264c55a02c57269bf7e45f9dd62050cf16");
}

static void no_two_sequences_or_attempts_share_a_key_stream(void **state)
{
	static const size_t FIELDS[] = { CHUNK_ATTEMPT, CHUNK_ATTEMPT + 1, CHUNK_SEQUENCE,
					 CHUNK_SEQUENCE + 7 };
	uint8_t one[sizeof(PAYLOAD) + SEAL_TAG_BYTES], other[sizeof(one)];

	(void)state;
	seal_encrypt(&keys, chunk, PAYLOAD, sizeof(PAYLOAD), one);
	for (size_t i = 0; i < 4; i++) {
		chunk[FIELDS[i]] ^= 1;
		seal_encrypt(&keys, chunk, PAYLOAD, sizeof(PAYLOAD), other);
		chunk[FIELDS[i]] ^= 1;
		assert_memory_not_equal(one, other, sizeof(PAYLOAD));
	}
}

static void a_chunk_opens_only_under_its_own_header(void **state)
{
	uint8_t cipher[sizeof(PAYLOAD) + SEAL_TAG_BYTES], raw[sizeof(PAYLOAD)];

	(void)state;
	seal_encrypt(&keys, chunk, PAYLOAD, sizeof(PAYLOAD), cipher);
	assert_int_equal(seal_decrypt(&keys, chunk, cipher, sizeof(cipher), raw), 0);
	assert_memory_equal(raw, PAYLOAD, sizeof(PAYLOAD));
	for (size_t bit = 0; bit < sizeof(chunk) * 8; bit++) {
		chunk[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(seal_decrypt(&keys, chunk, cipher, sizeof(cipher), raw), -EBADMSG);
		chunk[bit / 8] ^= 1 << bit % 8;
	}
}

static void every_header_byte_but_signature_changes_the_keys(void **state)
{
	uint8_t cek[CAPTURE_KEY_BYTES];
	struct seal_keys changed;

	(void)state;
	for (size_t i = 0; i < sizeof(cek); i++)
		cek[i] = (uint8_t)i;
	for (size_t i = 0; i < 256; i++) {
		header[i] ^= 1;
		seal_derive(&changed, cek, header);
		header[i] ^= 1;
		bool is_commitment = i >= 116 && i < 148;
		assert_int_equal(memcmp(&changed, &keys, sizeof(keys)) == 0, is_commitment);
	}
}

static void a_signature_names_capture_and_place(void **state)
{
	uint8_t pk[32], sk[64], sig[64], id[16] = "capture", chain[SEAL_HASH_BYTES] = "chain";

	(void)state;
	crypto_sign_keypair(pk, sk);
	seal_sign_chunk(sk, id, 5, chain, sig);
	assert_int_equal(seal_check_chunk(pk, id, 5, chain, sig), 0);
	assert_int_equal(seal_check_chunk(pk, id, 6, chain, sig), -EBADMSG);
	id[0] ^= 1;
	assert_int_equal(seal_check_chunk(pk, id, 5, chain, sig), -EBADMSG);
	id[0] ^= 1;
	chain[31] ^= 1;
	assert_int_equal(seal_check_chunk(pk, id, 5, chain, sig), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_chain_and_cipher_are_as_documented),
		cmocka_unit_test(no_two_sequences_or_attempts_share_a_key_stream),
		cmocka_unit_test(a_chunk_opens_only_under_its_own_header),
		cmocka_unit_test(every_header_byte_but_signature_changes_the_keys),
		cmocka_unit_test(a_signature_names_capture_and_place),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
