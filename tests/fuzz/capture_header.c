// SPDX-License-Identifier: GPL-2.0-or-later
/* The fixed header of a capture. */
#include "capture/header.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture_header header;

	if (size != CAPTURE_HEADER_BYTES || header_parse(data, &header))
		return 0;
	require(memcmp(header.bytes, data, size) == 0);
	require(memcmp(header.salt, data + HEADER_SALT, sizeof(header.salt)) == 0);
	return 0;
}
