/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes a capture's key out of its key slots. */
#ifndef HEAPTRAIL_VAULT_UNWRAP_H
#define HEAPTRAIL_VAULT_UNWRAP_H

#include "capture/format.h"
#include "keys/store.h"

/*
 * The key in the first slot that our identity opens. 0; -ENOKEY: no slot is ours; -EBADMSG: the
 * slots are malformed, or ours is another capture's; read errors. The caller wipes the key.
 */
int unwrap_capture_key(const struct keys *keys, int fd, const struct capture_header *header,
		       uint8_t key[static CAPTURE_KEY_BYTES]);

#endif
