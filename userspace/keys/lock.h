/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A key file that is under a passphrase. It is text of three lines:
 *
 *	# public key: age1…
 *	heaptrail-locked-v1 argon2id PASSES KIB SALT
 *	SEALED
 *
 * SALT (16 bytes) and SEALED are in base64. SEALED is a nonce of 24 bytes and what the file would
 *be without a passphrase, under XChaCha20-Poly1305 with the two lines before it as associated data;
 * the key is what argon2id, version 1.3, makes of the passphrase. So the public half is known
 * without one, and cannot be exchanged for another that the holder of the passphrase would not see.
 */
#ifndef HEAPTRAIL_KEYS_LOCK_H
#define HEAPTRAIL_KEYS_LOCK_H

#include "keys/bech32.h"
#include "keys/passphrase.h"

#include <stdbool.h>
#include <stdint.h>

#define LOCK_TEXT_MAX 4096

/* What a file may ask for; more is not tried. */
#define LOCK_PASSES_MAX 10
#define LOCK_KIB_MAX	(1u << 20)
#define LOCK_LIMITS	"1 GiB or 10 passes"

struct lock {
	uint32_t passes, kib; /* argon2id's cost */
	uint8_t salt[16];
	uint8_t key[32]; /* where the passphrase was given */
};

/* Is the file under a passphrase? */
bool lock_is(const char *text);

/*
 * What is known without the passphrase: cost, salt and the public key. Takes no memory. 0;
 * -EBADMSG; -E2BIG: it asks for more than the limits.
 */
int lock_read(const char *text, struct lock *lock, char recipient[static BECH32_TEXT_MAX]);

/* A salt of its own, and the cost that RFC 9106 (4) recommends where memory is short, as it may be
 * where this tool is used: 64 MiB, 3 passes. */
void lock_new(struct lock *lock);

/* Makes the key. It takes lock->kib of memory. 0 or -ENOMEM. */
int lock_derive(struct lock *lock, const struct passphrase *passphrase);

/* The file for this secret text, which has at most 2816 bytes. */
void lock_seal(const struct lock *lock, const char *recipient, const char *secret,
	       char text[static LOCK_TEXT_MAX]);

/* The secret text of a file that lock_read() took. 0; -EKEYREJECTED: another passphrase, or the
 * file was changed. */
int lock_open(const struct lock *lock, const char *text, char secret[static LOCK_TEXT_MAX]);

#endif
