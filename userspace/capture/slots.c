// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/slots.h"

#include <errno.h>
#include <sodium.h>

#define LABEL_SLOTS  "heaptrail/slots/v1"
#define PREFIX_BYTES 8 /* count, size of the entries */
#define SUFFIX_BYTES (32 + 32 + 64)

void slots_put(struct bytes_buffer *slots, uint8_t type, const void *data, size_t size)
{
	bytes_put_le(slots, type, 1);
	bytes_put_le(slots, size, 4);
	bytes_put(slots, data, size);
}

static void mac_of(const uint8_t *bytes, size_t size, const struct seal_keys *keys, uint8_t mac[32])
{
	crypto_generichash(mac, 32, bytes, size, keys->slots, sizeof(keys->slots));
}

/* Everything before the signature, with the capture's id: slots of another capture do not fit. */
static int message_of(struct bytes_buffer *message, const uint8_t id[static 16],
		      const uint8_t *bytes, size_t size)
{
	bytes_put(message, LABEL_SLOTS, sizeof(LABEL_SLOTS));
	bytes_put(message, id, 16);
	bytes_put(message, bytes, size);
	return message->failed ? -ENOMEM : 0;
}

void slots_finish(struct bytes_buffer *out, const struct bytes_buffer *slots, uint32_t count,
		  const struct seal_keys *keys, const uint8_t id[static 16],
		  const struct slots_signer *signer)
{
	struct bytes_buffer message = { 0 };
	uint8_t mac[32], sig[64];

	bytes_put_le(out, count, 4);
	bytes_put_le(out, slots->size, 4);
	bytes_put(out, slots->data, slots->size);
	if (out->failed)
		return;
	mac_of(out->data, out->size, keys, mac);
	bytes_put(out, mac, sizeof(mac));
	bytes_put(out, signer->public_key, 32);
	if (out->failed || message_of(&message, id, out->data, out->size)) {
		out->failed = true;
	} else {
		signer->sign(signer->context, message.data, message.size, sig);
		bytes_put(out, sig, sizeof(sig));
	}
	bytes_free(&message);
}

int slots_parse(struct slots *slots, const void *bytes, size_t size,
		const struct capture_header *header)
{
	struct bytes_reader reader = bytes_reader_on(bytes, size);
	struct bytes_buffer message = { 0 };

	slots->count = bytes_get_u32(&reader);
	slots->entries_size = bytes_get_u32(&reader);
	slots->entries = bytes_get(&reader, slots->entries_size);
	slots->mac = bytes_get(&reader, 32);
	const uint8_t *signer = bytes_get(&reader, 32);
	const uint8_t *sig = bytes_get(&reader, 64);
	if (reader.failed || slots->count > slots->entries_size / 5)
		return -EBADMSG;
	slots->size = PREFIX_BYTES + slots->entries_size + SUFFIX_BYTES;
	if (memcmp(signer, header->capture_pk, 32) != 0 && memcmp(signer, header->host_pk, 32) != 0)
		return -EBADMSG;
	int err = message_of(&message, header->capture_id, bytes, slots->size - 64);
	if (!err && crypto_sign_verify_detached(sig, message.data, message.size, signer))
		err = -EBADMSG;
	bytes_free(&message);
	return err;
}

int slots_check(const struct slots *slots, const struct seal_keys *keys)
{
	uint8_t mac[32];

	mac_of(slots->entries - PREFIX_BYTES, slots->entries_size + PREFIX_BYTES, keys, mac);
	return sodium_memcmp(mac, slots->mac, 32) ? -EBADMSG : 0;
}

int slots_next(const struct slots *slots, uint8_t type, struct slots_position *at,
	       const uint8_t **data, size_t *size)
{
	struct bytes_reader reader = bytes_reader_on(slots->entries + at->offset,
						     slots->entries_size - at->offset);

	while (at->count < slots->count) {
		uint8_t found = bytes_get_u8(&reader);
		*size = bytes_get_u32(&reader);
		*data = bytes_get(&reader, *size);
		if (reader.failed)
			return -EBADMSG;
		at->count++;
		at->offset = slots->entries_size - bytes_left(&reader);
		if (found == type)
			return 0;
	}
	return -ENOENT;
}
