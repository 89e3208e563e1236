// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/unwrap.h"

#include "capture/read.h"
#include "capture/write.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define LABEL_BYTES (sizeof(CAPTURE_SECRET_LABEL) - 1)

int unwrap_capture_key(const struct keys *keys, int fd, const struct capture_header *header,
		       uint8_t key[static CAPTURE_KEY_BYTES])
{
	static uint8_t slot[CAPTURE_SLOTS_MAX];
	uint8_t secret[CAPTURE_SECRET_BYTES];
	const uint8_t *id = secret + LABEL_BYTES;
	size_t size;
	int err = -ENOKEY, worst = -ENOKEY;

	/* one slot that we cannot read, whoever it is for, does not hide ours */
	for (size_t i = 0; err == -ENOKEY || err == -EBADMSG; i++) {
		int missing = capture_slot_read(fd, header, i, slot, &size);
		if (missing)
			return missing == -ENOENT ? worst : missing;
		err = keys_unwrap(keys, slot, size, secret, sizeof(secret));
		if (err == -EBADMSG)
			worst = err;
	}
	/* the secret names its capture: a slot copied from another one does not open this one */
	if (!err && (memcmp(secret, CAPTURE_SECRET_LABEL, LABEL_BYTES) != 0 ||
		     memcmp(id, header->capture_id, sizeof(header->capture_id)) != 0))
		err = -EBADMSG;
	if (!err)
		memcpy(key, id + sizeof(header->capture_id), CAPTURE_KEY_BYTES);
	sodium_memzero(secret, sizeof(secret));
	return err;
}
