// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/identities.h"

#include "keys/age.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

int identities_parse(const char *text, struct identities *identities)
{
	identities->count = 0;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char key[BECH32_TEXT_MAX];
		size_t length = strcspn(line, "\r\n");
		if (length == 0 || *line == '#')
			continue;
		if (length >= sizeof(key) || identities->count == IDENTITIES_MAX)
			return -EBADMSG;
		memcpy(key, line, length);
		key[length] = 0;
		int err = bech32_decode(AGE_PREFIX_IDENTITY, key,
					identities->keys[identities->count++]);
		sodium_memzero(key, sizeof(key));
		if (err)
			return -EBADMSG;
	}
	return identities->count ? 0 : -EBADMSG;
}

static void format_public(const uint8_t identity[static 32], char text[static BECH32_TEXT_MAX])
{
	uint8_t public[32];

	crypto_scalarmult_base(public, identity);
	bech32_encode(AGE_PREFIX_RECIPIENT, public, text);
}

void identities_format(const struct identities *identities, char text[static IDENTITIES_TEXT_MAX])
{
	char secret[BECH32_TEXT_MAX], public[BECH32_TEXT_MAX];
	size_t used = 0;

	for (size_t i = 0; i < identities->count; i++) {
		format_public(identities->keys[i], public);
		bech32_encode(AGE_PREFIX_IDENTITY, identities->keys[i], secret);
		for (char *p = secret; *p; p++)
			*p = (char)toupper((unsigned char)*p);
		used += (size_t)snprintf(text + used, IDENTITIES_TEXT_MAX - used,
					 "# public key: %s\n%s\n", public, secret);
	}
	sodium_memzero(secret, sizeof(secret));
}

void identities_recipient(const struct identities *identities,
			  char recipient[static BECH32_TEXT_MAX])
{
	format_public(identities->keys[0], recipient);
}

int identities_add(struct identities *identities)
{
	if (identities->count == IDENTITIES_MAX)
		return -E2BIG;
	memmove(identities->keys + 1, identities->keys,
		identities->count * sizeof(identities->keys[0]));
	randombytes_buf(identities->keys[0], sizeof(identities->keys[0]));
	identities->count++;
	return 0;
}
