/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The key directory: vault.key (age identities, the newest first), vault.pub (its recipient), host.key (an Ed25519
 * seed, in hex), host.pub. Directory 0700, secrets 0600, both of the opening user's uid. Secrets
 * live in locked memory. The parent of the directory must exist.
 */
#ifndef HEAPTRAIL_KEYS_STORE_H
#define HEAPTRAIL_KEYS_STORE_H

#include "keys/bech32.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keys;

/*
 * Loads the keys; makes what is missing where create is true. -ENOENT: not there; -EPERM: a secret
 * can be read by others, or it or the directory belongs to another user or can be written by
 * others; -EBADMSG: a file is not a key.
 */
int keys_open(const char *directory, bool create, struct keys **keys);

#define KEYS_IDENTITIES_MAX 16

/*
 * Makes a new vault key, for which captures are encrypted from now on; earlier ones stay, to open
 * what is there. 0 or -errno: -E2BIG: there are KEYS_IDENTITIES_MAX.
 */
int keys_rotate(struct keys *keys, const char *directory);

const char *keys_recipient(const struct keys *keys); /* "age1…" */
const uint8_t *keys_host_pk(const struct keys *keys);

void keys_sign_host(const struct keys *keys, const void *message, size_t size,
		    uint8_t sig[static 64]);

/* Opens an age file of exactly size bytes of secret; errors of age_unwrap(). */
int keys_unwrap(const struct keys *keys, const uint8_t *slot, size_t slot_size, uint8_t *secret,
		size_t size);

void keys_close(struct keys *keys);

#endif
