/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes a capture's key out of its key slots. */
#ifndef HEAPTRAIL_VAULT_UNWRAP_H
#define HEAPTRAIL_VAULT_UNWRAP_H

#include "capture/format.h"
#include "capture/write.h"
#include "keys/store.h"

/* A key slot, and where in the file it is. */
struct unwrap_slot {
	const uint8_t *bytes;
	size_t size;
	uint64_t offset;
};

/* Whoever opens slots of one type. */
struct unwrapper {
	uint8_t type;
	void *context;
	/* 0; -ENOKEY, -EBADMSG: not this one, but another one may open; other errors end it */
	int (*open)(void *context, const struct unwrap_slot *slot,
		    uint8_t secret[static CAPTURE_SECRET_BYTES]);
};

/*
 * The key in the first slot that opens. 0; -ENOKEY: none does; -EBADMSG: the slots are malformed,
 * or the one that opens is another capture's; read errors, and those of the unwrapper. The caller
 * wipes the key.
 */
int unwrap_capture(const struct unwrapper *unwrapper, int fd, const struct capture_header *header,
		   uint8_t key[static CAPTURE_KEY_BYTES]);

/* The same by our identities. */
int unwrap_capture_key(const struct keys *keys, int fd, const struct capture_header *header,
		       uint8_t key[static CAPTURE_KEY_BYTES]);

#endif
