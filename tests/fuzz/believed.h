/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every signature, tag and MAC is right, and nothing is encrypted: bytes that a fuzzer makes get to
 * the parsers behind them, as those of somebody who has the keys do. These take the place of
 * libsodium's in the whole program, so one target includes this once.
 */
#ifndef HEAPTRAIL_TESTS_BELIEVED_H
#define HEAPTRAIL_TESTS_BELIEVED_H

#include <sodium.h>
#include <string.h>

int crypto_sign_verify_detached(const unsigned char *sig, const unsigned char *message,
				unsigned long long size, const unsigned char *pk)
{
	(void)sig, (void)message, (void)size, (void)pk;
	return 0;
}

int sodium_memcmp(const void *a, const void *b, size_t size)
{
	(void)a, (void)b, (void)size;
	return 0;
}

int crypto_aead_chacha20poly1305_ietf_decrypt(unsigned char *out, unsigned long long *out_size,
					      unsigned char *secret, const unsigned char *in,
					      unsigned long long size, const unsigned char *added,
					      unsigned long long added_size,
					      const unsigned char *nonce, const unsigned char *key)
{
	(void)secret, (void)added, (void)added_size, (void)nonce, (void)key;
	if (size < crypto_aead_chacha20poly1305_ietf_ABYTES)
		return -1;
	size -= crypto_aead_chacha20poly1305_ietf_ABYTES;
	memmove(out, in, size);
	if (out_size)
		*out_size = size;
	return 0;
}

#endif
