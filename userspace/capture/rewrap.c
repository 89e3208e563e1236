// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/rewrap.h"

#include "base/io.h"
#include "capture/header.h"
#include "capture/scan.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Those that are kept, but for padding. *passphrases: how many of them are for one. */
static int keep_slots(const struct slots *old, struct bytes_buffer *slots, uint32_t *count,
		      unsigned *passphrases)
{
	struct bytes_reader reader = bytes_reader_on(old->entries, old->entries_size);

	for (uint32_t i = 0; i < old->count; i++) {
		uint8_t type = bytes_get_u8(&reader);
		uint32_t size = bytes_get_u32(&reader);
		const uint8_t *bytes = bytes_get(&reader, size);
		if (reader.failed)
			return -EBADMSG;
		if (type == SLOT_PADDING)
			continue;
		slots_put(slots, type, bytes, size);
		++*count;
		*passphrases += type == SLOT_PASSPHRASE;
	}
	return 0;
}

static int add_slots(const struct rewrap *rewrap, const struct capture_header *header,
		     struct bytes_buffer *slots, uint32_t *count, unsigned passphrases)
{
	uint8_t secret[CAPTURE_SECRET_BYTES];
	int err = 0;

	memcpy(secret, CAPTURE_SECRET_LABEL, 16);
	memcpy(secret + 16, header->capture_id, 16);
	memcpy(secret + 32, rewrap->key, CAPTURE_KEY_BYTES);
	for (size_t i = 0; !err && i < rewrap->count; i++) {
		const struct rewrap_slot *new = &rewrap->slots[i];
		struct bytes_buffer slot = { 0 };
		passphrases += new->type == SLOT_PASSPHRASE;
		err = passphrases > SLOT_PASSPHRASES_MAX
			      ? -E2BIG
			      : new->wrap(new->recipient, secret, sizeof(secret), &slot);
		if (!err)
			slots_put(slots, new->type, slot.data, slot.size);
		*count += !err;
		bytes_free(&slot);
	}
	sodium_memzero(secret, sizeof(secret));
	return err;
}

/* The index and the footer name places in the file, so that chunks cannot move: fewer slots are
 * filled up to where they begin. */
static int pad_slots(struct bytes_buffer *slots, uint32_t *count, uint64_t body)
{
	size_t used = CAPTURE_HEADER_BYTES + SLOTS_FRAME_BYTES + slots->size;

	if (used > body)
		return -E2BIG;
	if (header_body_offset(SLOTS_FRAME_BYTES + slots->size) == body)
		return 0;
	uint8_t *zeros = calloc(1, body - used);
	if (!zeros)
		return -ENOMEM;
	slots_put(slots, SLOT_PADDING, zeros, body - used - SLOT_HEAD_BYTES);
	++*count;
	free(zeros);
	return 0;
}

static int write_start(const struct capture_header *header, const struct bytes_buffer *region,
		       uint64_t body, int out)
{
	uint8_t *bytes = calloc(1, body);

	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, header->bytes, CAPTURE_HEADER_BYTES);
	memcpy(bytes + CAPTURE_HEADER_BYTES, region->data, region->size);
	int err = io_pwrite(out, bytes, body, 0);
	free(bytes);
	return err;
}

int capture_rewrap(int fd, const struct capture_header *header, const struct rewrap *rewrap,
		   int out, uint64_t *size)
{
	struct bytes_buffer slots = { 0 }, region = { 0 };
	struct seal_keys keys;
	struct slots old;
	unsigned passphrases = 0;
	uint32_t count = 0;
	uint8_t *bytes = malloc(CAPTURE_SLOTS_MAX);
	int err = bytes ? scan_slots(fd, header, bytes, &old) : -ENOMEM;

	sodium_mlock(&keys, sizeof(keys));
	seal_derive(&keys, rewrap->key, header->bytes);
	if (!err && sodium_memcmp(keys.commitment, header->commitment, sizeof(keys.commitment)))
		err = -EKEYREJECTED;
	if (!err)
		err = slots_check(&old, &keys);
	if (!err && rewrap->keeps)
		err = keep_slots(&old, &slots, &count, &passphrases);
	if (!err)
		err = add_slots(rewrap, header, &slots, &count, passphrases);
	if (!err) {
		*size = header_body_offset(old.size);
		err = slots.failed ? -ENOMEM : pad_slots(&slots, &count, *size);
	}
	if (!err) {
		slots_finish(&region, &slots, count, &keys, header->capture_id, &rewrap->signer);
		err = region.failed ? -ENOMEM : write_start(header, &region, *size, out);
	}
	sodium_munlock(&keys, sizeof(keys)); /* wipes */
	bytes_free(&region);
	bytes_free(&slots);
	free(bytes);
	return err;
}
