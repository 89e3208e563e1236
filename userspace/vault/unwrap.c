// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/unwrap.h"

#include "capture/scan.h"
#include "capture/write.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define LABEL_BYTES (sizeof(CAPTURE_SECRET_LABEL) - 1)

int unwrap_capture_key(const struct keys *keys, int fd, const struct capture_header *header,
		       uint8_t key[static CAPTURE_KEY_BYTES])
{
	static uint8_t bytes[CAPTURE_SLOTS_MAX];
	uint8_t secret[CAPTURE_SECRET_BYTES];
	const uint8_t *id = secret + LABEL_BYTES, *slot;
	struct slots_position at = { 0 };
	struct slots slots;
	size_t size;
	int err = scan_slots(fd, header, bytes, &slots), worst = -ENOKEY;

	if (err)
		return err;
	/* one slot that we cannot read, whoever it is for, does not hide ours */
	for (err = -ENOKEY; err == -ENOKEY || err == -EBADMSG;) {
		int missing = slots_next(&slots, SLOT_AGE, &at, &slot, &size);
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
