// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/header.h"

#include "base/bytes.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#define LABEL_HEADER "heaptrail/header/v1"
_Static_assert(sizeof(LABEL_HEADER) == HEADER_MESSAGE_BYTES - HEADER_SIGNED_BYTES, "label");

void header_message(const uint8_t header[static CAPTURE_HEADER_BYTES],
		    uint8_t message[static HEADER_MESSAGE_BYTES])
{
	memcpy(message, LABEL_HEADER, sizeof(LABEL_HEADER));
	memcpy(message + sizeof(LABEL_HEADER), header, HEADER_SIGNED_BYTES);
}

static uint64_t get_le(const uint8_t *bytes, unsigned int size)
{
	struct bytes_reader reader = bytes_reader_on(bytes, size);

	return bytes_get_le(&reader, size);
}

int header_parse(const uint8_t bytes[static CAPTURE_HEADER_BYTES], struct capture_header *header)
{
	uint8_t message[HEADER_MESSAGE_BYTES];

	if (memcmp(bytes, CAPTURE_MAGIC, 8) != 0)
		return -EBADMSG;
	if (get_le(bytes + HEADER_VERSION, 2) != CAPTURE_VERSION ||
	    get_le(bytes + HEADER_SUITE, 2) != CAPTURE_SUITE || get_le(bytes + HEADER_FLAGS, 4) ||
	    !sodium_is_zero(bytes + HEADER_RESERVED, HEADER_SIGNED_BYTES - HEADER_RESERVED))
		return -ENOTSUP;
	header_message(bytes, message);
	if (crypto_sign_verify_detached(bytes + HEADER_HOST_SIG, message, sizeof(message),
					bytes + HEADER_HOST_PK))
		return -EKEYREJECTED;
	memcpy(header->bytes, bytes, CAPTURE_HEADER_BYTES);
	memcpy(header->capture_id, bytes + HEADER_CAPTURE_ID, 16);
	memcpy(header->series_id, bytes + HEADER_SERIES_ID, 16);
	header->segment = (uint32_t)get_le(bytes + HEADER_SEGMENT, 4);
	memcpy(header->previous, bytes + HEADER_PREVIOUS, 32);
	memcpy(header->salt, bytes + HEADER_SALT, 32);
	memcpy(header->commitment, bytes + HEADER_COMMITMENT, 32);
	memcpy(header->host_pk, bytes + HEADER_HOST_PK, 32);
	memcpy(header->capture_pk, bytes + HEADER_CAPTURE_PK, 32);
	memcpy(header->boot_id, bytes + HEADER_BOOT_ID, 16);
	header->created_unix = get_le(bytes + HEADER_CREATED, 8);
	return 0;
}

uint64_t header_body_offset(size_t slots_size)
{
	return (CAPTURE_HEADER_BYTES + slots_size + 4095) & ~4095ULL;
}
