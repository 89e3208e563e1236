// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys as text: recipients and identities in Bech32, SSH keys, secrets for auditors. */
#include "keys/age.h"
#include "keys/auditors.h"
#include "keys/bech32.h"
#include "keys/recipient.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>

/* A text that stands for a key is the only one, but for its case. */
static void decode(const char *prefix, const char *text)
{
	char again[BECH32_TEXT_MAX];
	uint8_t key[32];

	if (bech32_decode(prefix, text, key))
		return;
	bech32_encode(prefix, key, again);
	require(strlen(again) == strlen(text));
	for (size_t i = 0; text[i]; i++)
		require(tolower((unsigned char)text[i]) == again[i]);
}

/* Whatever comment it has. */
static void read_recipient(const char *text)
{
	struct recipient recipient, again;
	char formatted[RECIPIENT_TEXT_MAX];

	if (recipient_parse(text, &recipient))
		return;
	recipient_format(&recipient, formatted);
	require(recipient_parse(formatted, &again) == 0 && recipient_is(&recipient, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t IDENTITY[32] = { 1 };
	uint8_t secret[32];
	char *text = strndup((const char *)data, size);

	require(text);
	decode(AGE_PREFIX_RECIPIENT, text);
	decode(AGE_PREFIX_IDENTITY, text);
	read_recipient(text);
	auditors_unwrap(IDENTITY, text, secret);
	free(text);
	return 0;
}
