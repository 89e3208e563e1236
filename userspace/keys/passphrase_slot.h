/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A capture's secret under a passphrase, for whoever has no keys (docs/capture-format.md, "Key
 * slots", type 2). */
#ifndef HEAPTRAIL_KEYS_PASSPHRASE_SLOT_H
#define HEAPTRAIL_KEYS_PASSPHRASE_SLOT_H

#include "base/bytes.h"
#include "keys/lock.h"

/*
 * Appends one. It may be handed to anybody, who may try as long as they like: a passphrase costs
 * 256 MiB and 3 passes to try. 0 or -ENOMEM.
 */
int passphrase_slot_wrap(const struct passphrase *passphrase, const uint8_t *secret, size_t size,
			 struct bytes_buffer *out);

/* What it costs to try a passphrase, and the salt. Takes no memory. 0; -EBADMSG; -E2BIG: it asks
 * for more than LOCK_LIMITS. */
int passphrase_slot_read(const uint8_t *slot, size_t slot_size, struct lock *lock);

/* Opens one that holds exactly size bytes. 0; -EKEYREJECTED: another passphrase, or the slot was
 * changed; -ENOMEM; errors of passphrase_slot_read(). */
int passphrase_slot_open(const struct passphrase *passphrase, const uint8_t *slot, size_t slot_size,
			 uint8_t *secret, size_t size);

#endif
