/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The key directory: vault.key (age identities, the newest first, or under a passphrase:
 * keys/lock.h), vault.pub (its recipient), host.key (an Ed25519 seed, in hex), host.pub. Directory
 * 0700, secrets 0600, both of the opening user's uid. Secrets live in locked memory. The parent of
 * the directory must exist.
 */
#ifndef HEAPTRAIL_KEYS_STORE_H
#define HEAPTRAIL_KEYS_STORE_H

#include "keys/bech32.h"
#include "keys/passphrase.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys;

/*
 * Loads the keys; makes what is missing where create is true. -ENOENT: not there; -EPERM: a secret
 * can be read by others, or it or the directory belongs to another user or can be written by
 * others; -EBADMSG: a file is not a key; -E2BIG: one is under a passphrase, and asks for more
 * memory or time than LOCK_KIB_MAX and LOCK_PASSES_MAX allow.
 */
int keys_open(const char *directory, bool create, struct keys **keys);

/* Is the vault's key under a passphrase; and does it still have to be given? Only opening needs it:
 * recipient and host key are there without. */
bool keys_have_passphrase(const struct keys *keys);
bool keys_are_locked(const struct keys *keys);

/*
 * Takes seconds, and the memory that the file asks for. 0; -EKEYREJECTED: it is another passphrase,
 * or the file was changed; -ENOMEM.
 */
int keys_unlock(struct keys *keys, const char *directory, const struct passphrase *passphrase);

/* Puts the vault's key under a passphrase, or under none where that is NULL. 0 or -errno; -EACCES:
 * it is locked; -ESTALE: another process has changed it meanwhile. */
int keys_protect(struct keys *keys, const char *directory, const struct passphrase *passphrase);

/*
 * Makes a new vault key, for which captures are encrypted from now on; earlier ones stay, to open
 * what is there. 0 or -errno: -E2BIG: there are IDENTITIES_MAX; -EACCES: they are locked; -ESTALE:
 * another process has changed them meanwhile.
 */
int keys_rotate(struct keys *keys, const char *directory);

const char *keys_recipient(const struct keys *keys); /* "age1…" */
const uint8_t *keys_host_pk(const struct keys *keys);

void keys_sign_host(const struct keys *keys, const void *message, size_t size,
		    uint8_t sig[static 64]);

/* Opens an age file of exactly size bytes of secret; errors of age_unwrap(); -EACCES: they are
 * locked. */
int keys_unwrap(const struct keys *keys, const uint8_t *slot, size_t slot_size, uint8_t *secret,
		size_t size);

void keys_close(struct keys *keys);

#endif
