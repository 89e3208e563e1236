/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The key slots behind the header: who can unwrap the capture's key. Rewritable, so they carry
 * their own signature; the MAC ties them to the key that they wrap.
 */
#ifndef HEAPTRAIL_CAPTURE_SLOTS_H
#define HEAPTRAIL_CAPTURE_SLOTS_H

#include "base/bytes.h"
#include "capture/seal.h"

#define SLOT_PADDING	0 /* nobody's: it fills the room up to where chunks begin */
#define SLOT_AGE	1
#define SLOT_PASSPHRASE 2 /* keys/passphrase_slot.h */

#define SLOT_PASSPHRASES_MAX 4 /* in a capture: each costs a second, and memory, to try */

/* Bytes around the slots: counts, MAC, signer, signature. */
#define SLOTS_FRAME_BYTES (4 + 4 + 32 + 32 + 64)
#define SLOT_HEAD_BYTES	  5

/* Appends one slot of this type. */
void slots_put(struct bytes_buffer *slots, uint8_t type, const void *data, size_t size);

/* Whose signature they get: the capture's key, or the host's. */
struct slots_signer {
	void *context;
	const uint8_t *public_key; /* 32 bytes */
	void (*sign)(void *context, const void *message, size_t size, uint8_t signature[static 64]);
};

/* Frames, authenticates and signs the slots collected in `slots`; out: what stands behind the
 * header. */
void slots_finish(struct bytes_buffer *out, const struct bytes_buffer *slots, uint32_t count,
		  const struct seal_keys *keys, const uint8_t id[static 16],
		  const struct slots_signer *signer);

/* The slots of a file, checked against their signature. */
struct slots {
	uint32_t count;
	const uint8_t *entries; /* into the bytes that were given */
	size_t entries_size;
	const uint8_t *mac;
	size_t size; /* of the whole region, without padding */
};

/*
 * bytes: what stands behind the header, size <= CAPTURE_SLOTS_MAX of it. The signer must be the
 * capture key or the host key of the header. 0 or -EBADMSG.
 */
int slots_parse(struct slots *slots, const void *bytes, size_t size,
		const struct capture_header *header);

/* Do they belong to this key? */
int slots_check(const struct slots *slots, const struct seal_keys *keys);

/* How far slots were read; zeros at first. */
struct slots_position {
	size_t offset;
	uint32_t count;
};

/* The next slot of a type; a view. 0, -ENOENT, or -EBADMSG. */
int slots_next(const struct slots *slots, uint8_t type, struct slots_position *at,
	       const uint8_t **data, size_t *size);

#endif
