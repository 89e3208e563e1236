/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cryptography of one capture: keys, AEAD, header tags, chain and signatures, as
 * docs/capture-format.md ("Keys", "Chunks") defines them. Everything is libsodium's.
 */
#ifndef HEAPTRAIL_CAPTURE_SEAL_H
#define HEAPTRAIL_CAPTURE_SEAL_H

#include "capture/format.h"

#include <stddef.h>

#define SEAL_TAG_BYTES	   16
#define SEAL_HASH_BYTES	   32
#define SEAL_SIGN_BYTES	   64
#define CHUNK_HEADER_BYTES 48
#define CHUNK_MAGIC	   "HTCK"
#define FOOTER_BYTES	   16 /* where the End chunk begins, and the magic */
#define FOOTER_MAGIC	   "HTEND\0\0\1"

/* Offsets in a chunk's header. */
enum {
	CHUNK_TYPE = 4,
	CHUNK_FLAGS = 5,   /* 0 */
	CHUNK_ATTEMPT = 6, /* u16: how many writes of this sequence failed before */
	CHUNK_SEQUENCE = 8,
	CHUNK_CIPHER_SIZE = 16,
	CHUNK_RAW_SIZE = 20,
	CHUNK_DURABLE = 24, /* u64: chunks below this one were on disk when this one was made */
	CHUNK_HTAG = 32,
};

/* What HKDF derives from a capture's key. Lock it in memory, and wipe it. */
struct seal_keys {
	uint8_t key[32];
	uint8_t base_nonce[12];
	uint8_t commitment[32];
	uint8_t slots[32];
	uint8_t htag[32];
};

/* Derives everything from the capture key and the header's bytes. */
void seal_derive(struct seal_keys *keys, const uint8_t cek[static CAPTURE_KEY_BYTES],
		 const uint8_t header[static CAPTURE_HEADER_BYTES]);

/*
 * The nonce is made of the header's sequence and attempt: no two different chunks may be encrypted
 * under the same pair, not even where the first never reached the file. out: size + SEAL_TAG_BYTES
 * bytes; in may be out.
 */
void seal_encrypt(const struct seal_keys *keys, const uint8_t header[static CHUNK_HEADER_BYTES],
		  const uint8_t *in, size_t size, uint8_t *out);

/* size includes the tag. 0 or -EBADMSG. */
int seal_decrypt(const struct seal_keys *keys, const uint8_t header[static CHUNK_HEADER_BYTES],
		 const uint8_t *in, size_t size, uint8_t *out);

/* The tag of the first 32 bytes of a chunk header, bound to the chain before it. */
void seal_htag(const struct seal_keys *keys, const uint8_t chain[static SEAL_HASH_BYTES],
	       const uint8_t header[static CHUNK_HEADER_BYTES], uint8_t tag[static 16]);

/* chain before the first chunk */
void seal_chain_start(uint8_t chain[static SEAL_HASH_BYTES],
		      const uint8_t header[static CAPTURE_HEADER_BYTES]);
void seal_chain_step(uint8_t chain[static SEAL_HASH_BYTES],
		     const uint8_t header[static CHUNK_HEADER_BYTES], const uint8_t *cipher,
		     size_t size);

/* Signature of a chunk: over label, capture id, sequence and the chain after it. */
void seal_sign_chunk(const uint8_t sk[static 64], const uint8_t id[static 16], uint64_t sequence,
		     const uint8_t chain[static SEAL_HASH_BYTES], uint8_t sig[static 64]);
int seal_check_chunk(const uint8_t pk[static 32], const uint8_t id[static 16], uint64_t sequence,
		     const uint8_t chain[static SEAL_HASH_BYTES], const uint8_t sig[static 64]);

#endif
