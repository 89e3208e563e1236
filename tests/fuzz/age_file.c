// SPDX-License-Identifier: GPL-2.0-or-later
/* An age file, by somebody who knows the recipient. */
#include "keys/age.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t IDENTITY[32] = { 1 };
	uint8_t secret[64];

	age_unwrap(IDENTITY, data, size, secret, sizeof(secret));
	return 0;
}
