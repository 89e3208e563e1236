// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/unwrap.h"

#include "capture/scan.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define LABEL_BYTES (sizeof(CAPTURE_SECRET_LABEL) - 1)

/* The secret in the first slot that opens. */
static int open_slots(const struct unwrapper *unwrapper, int fd,
		      const struct capture_header *header,
		      uint8_t secret[static CAPTURE_SECRET_BYTES])
{
	static uint8_t bytes[CAPTURE_SLOTS_MAX];
	struct slots_position at = { 0 };
	struct unwrap_slot slot;
	struct slots slots;
	int err = scan_slots(fd, header, bytes, &slots), worst = -ENOKEY;

	if (err)
		return err;
	/* one slot that we cannot read, whoever it is for, does not hide ours */
	for (err = -ENOKEY; err == -ENOKEY || err == -EBADMSG;) {
		int missing = slots_next(&slots, unwrapper->type, &at, &slot.bytes, &slot.size);
		if (missing)
			return missing == -ENOENT ? worst : missing;
		slot.offset = CAPTURE_HEADER_BYTES + (uint64_t)(slot.bytes - bytes);
		err = unwrapper->open(unwrapper->context, &slot, secret);
		if (err == -EBADMSG)
			worst = err;
	}
	return err;
}

int unwrap_capture(const struct unwrapper *unwrapper, int fd, const struct capture_header *header,
		   uint8_t key[static CAPTURE_KEY_BYTES])
{
	uint8_t secret[CAPTURE_SECRET_BYTES];
	const uint8_t *id = secret + LABEL_BYTES;
	int err = open_slots(unwrapper, fd, header, secret);

	/* the secret names its capture: a slot copied from another one does not open this one */
	if (!err && (memcmp(secret, CAPTURE_SECRET_LABEL, LABEL_BYTES) != 0 ||
		     memcmp(id, header->capture_id, sizeof(header->capture_id)) != 0))
		err = -EBADMSG;
	if (!err)
		memcpy(key, id + sizeof(header->capture_id), CAPTURE_KEY_BYTES);
	sodium_memzero(secret, sizeof(secret));
	return err;
}

static int open_by_keys(void *keys, const struct unwrap_slot *slot,
			uint8_t secret[static CAPTURE_SECRET_BYTES])
{
	return keys_unwrap(keys, slot->bytes, slot->size, secret, CAPTURE_SECRET_BYTES);
}

int unwrap_capture_key(const struct keys *keys, int fd, const struct capture_header *header,
		       uint8_t key[static CAPTURE_KEY_BYTES])
{
	const struct unwrapper unwrapper = { .type = SLOT_AGE,
					     .context = (void *)keys,
					     .open = open_by_keys };

	return unwrap_capture(&unwrapper, fd, header, key);
}
