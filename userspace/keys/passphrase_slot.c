// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/passphrase_slot.h"

#include <errno.h>
#include <sodium.h>

#define LABEL	    "heaptrail/passphrase-slot/v1"
#define HEAD_BYTES  24 /* passes, KiB, salt */
#define TAG_BYTES   crypto_aead_chacha20poly1305_ietf_ABYTES
#define SEALED_MAX  256
#define COST_PASSES 3
#define COST_KIB    (256u << 10)
#define ADDED_BYTES (sizeof(LABEL) + HEAD_BYTES)

/* The salt is random, and so is every key: each seals one secret. */
static const uint8_t NONCE[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

_Static_assert(sizeof(((struct lock *)0)->salt) == HEAD_BYTES - 8, "a salt's size");

/* What is not secret is sealed with it. */
static void added_data(const uint8_t head[static HEAD_BYTES], uint8_t added[static ADDED_BYTES])
{
	memcpy(added, LABEL, sizeof(LABEL));
	memcpy(added + sizeof(LABEL), head, HEAD_BYTES);
}

int passphrase_slot_wrap(const struct passphrase *passphrase, const uint8_t *secret, size_t size,
			 struct bytes_buffer *out)
{
	struct lock lock = { .passes = COST_PASSES, .kib = COST_KIB };
	uint8_t sealed[SEALED_MAX], added[ADDED_BYTES];
	size_t start = out->size;

	if (size + TAG_BYTES > sizeof(sealed))
		return -EINVAL;
	randombytes_buf(lock.salt, sizeof(lock.salt));
	bytes_put_le(out, lock.passes, 4);
	bytes_put_le(out, lock.kib, 4);
	bytes_put(out, lock.salt, sizeof(lock.salt));
	int err = out->failed ? -ENOMEM : lock_derive(&lock, passphrase);
	if (!err) {
		added_data(out->data + start, added);
		crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, secret, size, added,
							  sizeof(added), NULL, NONCE, lock.key);
		bytes_put(out, sealed, size + TAG_BYTES);
	}
	sodium_memzero(&lock, sizeof(lock));
	return !err && out->failed ? -ENOMEM : err;
}

int passphrase_slot_read(const uint8_t *slot, size_t slot_size, struct lock *lock)
{
	struct bytes_reader reader = bytes_reader_on(slot, slot_size);

	*lock = (struct lock) { 0 };
	lock->passes = bytes_get_u32(&reader);
	lock->kib = bytes_get_u32(&reader);
	const uint8_t *salt = bytes_get(&reader, sizeof(lock->salt));
	if (reader.failed || bytes_left(&reader) < TAG_BYTES)
		return -EBADMSG;
	memcpy(lock->salt, salt, sizeof(lock->salt));
	if (lock->passes > LOCK_PASSES_MAX || lock->kib > LOCK_KIB_MAX)
		return -E2BIG;
	return lock->passes < 1 || lock->kib * 1024ull < crypto_pwhash_argon2id_MEMLIMIT_MIN
		       ? -EBADMSG
		       : 0;
}

int passphrase_slot_open(const struct passphrase *passphrase, const uint8_t *slot, size_t slot_size,
			 uint8_t *secret, size_t size)
{
	uint8_t added[ADDED_BYTES];
	struct lock lock;
	int err = passphrase_slot_read(slot, slot_size, &lock);

	if (!err && slot_size != HEAD_BYTES + size + TAG_BYTES)
		err = -EBADMSG;
	if (!err)
		err = lock_derive(&lock, passphrase);
	if (!err) {
		added_data(slot, added);
		if (crypto_aead_chacha20poly1305_ietf_decrypt(secret, NULL, NULL, slot + HEAD_BYTES,
							      slot_size - HEAD_BYTES, added,
							      sizeof(added), NONCE, lock.key))
			err = -EKEYREJECTED;
	}
	sodium_memzero(&lock, sizeof(lock));
	return err;
}
