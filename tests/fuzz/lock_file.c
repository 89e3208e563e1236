// SPDX-License-Identifier: GPL-2.0-or-later
/* A key file, with or without a passphrase: what it asks for is bounded, what it holds is
 * identities. */
#include "keys/identities.h"
#include "keys/lock.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

static void read_identities(const char *text)
{
	char again[IDENTITIES_TEXT_MAX];
	struct identities identities, same;

	if (identities_parse(text, &identities))
		return;
	identities_format(&identities, again);
	require(identities_parse(again, &same) == 0 && same.count == identities.count);
	require(memcmp(same.keys, identities.keys, same.count * sizeof(same.keys[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[LOCK_TEXT_MAX], secret[LOCK_TEXT_MAX], recipient[BECH32_TEXT_MAX];
	struct lock lock = { 0 };

	size = size < sizeof(text) ? size : sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = 0;
	if (!lock_is(text)) {
		read_identities(text);
		return 0;
	}
	if (lock_read(text, &lock, recipient))
		return 0;
	require(lock.passes >= 1 && lock.passes <= LOCK_PASSES_MAX && lock.kib >= 8 &&
		lock.kib <= LOCK_KIB_MAX);
	if (lock_open(&lock, text, secret) == 0)
		require(strlen(secret) < sizeof(secret));
	return 0;
}
