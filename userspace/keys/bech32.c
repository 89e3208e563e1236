// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/bech32.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define KEY_SYMBOLS 52 /* 256 bits in groups of five */

static const char CHARSET[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static uint32_t polymod_step(uint32_t checksum, uint8_t value)
{
	static const uint32_t GENERATOR[] = { 0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
					      0x2a1462b3 };
	uint8_t top = (uint8_t)(checksum >> 25);

	checksum = (checksum & 0x1ffffff) << 5 ^ value;
	for (int i = 0; i < 5; i++)
		if (top >> i & 1)
			checksum ^= GENERATOR[i];
	return checksum;
}

static uint32_t polymod_prefix(const char *prefix, size_t length)
{
	uint32_t checksum = 1;

	for (size_t i = 0; i < length; i++)
		checksum = polymod_step(checksum, (uint8_t)prefix[i] >> 5);
	checksum = polymod_step(checksum, 0);
	for (size_t i = 0; i < length; i++)
		checksum = polymod_step(checksum, prefix[i] & 31);
	return checksum;
}

void bech32_encode(const char *prefix, const uint8_t key[static 32],
		   char text[static BECH32_TEXT_MAX])
{
	size_t byte = 0, length = strlen(prefix);
	uint32_t checksum = polymod_prefix(prefix, length), bits = 0;
	unsigned int count = 0;

	memcpy(text, prefix, length);
	text[length++] = '1';
	for (size_t i = 0; i < KEY_SYMBOLS; i++) {
		if (count < 5) {
			bits = bits << 8 | (byte < 32 ? key[byte] : 0);
			byte++;
			count += 8;
		}
		uint8_t symbol = (uint8_t)(bits >> (count - 5) & 31);
		count -= 5;
		checksum = polymod_step(checksum, symbol);
		text[length++] = CHARSET[symbol];
	}
	for (int i = 0; i < 6; i++)
		checksum = polymod_step(checksum, 0);
	checksum ^= 1;
	for (int i = 0; i < 6; i++)
		text[length++] = CHARSET[checksum >> (5 * (5 - i)) & 31];
	text[length] = 0;
}

static bool is_one_case(const char *text)
{
	bool has_lower = false, has_upper = false;

	for (; *text; text++) {
		has_lower |= islower((unsigned char)*text) != 0;
		has_upper |= isupper((unsigned char)*text) != 0;
	}
	return !(has_lower && has_upper);
}

int bech32_decode(const char *prefix, const char *text, uint8_t key[static 32])
{
	size_t prefix_length = strlen(prefix), used = 0;
	uint32_t checksum = polymod_prefix(prefix, prefix_length), bits = 0;
	unsigned int count = 0;

	if (strlen(text) != prefix_length + 1 + KEY_SYMBOLS + 6 || !is_one_case(text) ||
	    strncasecmp(text, prefix, prefix_length) != 0 || text[prefix_length] != '1')
		return -EINVAL;
	text += prefix_length + 1;
	for (size_t i = 0; i < KEY_SYMBOLS + 6; i++) {
		const char *found = strchr(CHARSET, tolower((unsigned char)text[i]));
		if (!found || !*found)
			return -EINVAL;
		uint8_t symbol = (uint8_t)(found - CHARSET);
		checksum = polymod_step(checksum, symbol);
		if (i >= KEY_SYMBOLS)
			continue;
		bits = bits << 5 | symbol;
		count += 5;
		if (count >= 8 && used < 32) {
			count -= 8;
			key[used++] = (uint8_t)(bits >> count);
		}
	}
	/* the last symbol's spare bits are zero */
	return checksum == 1 && (bits & ((1u << count) - 1)) == 0 ? 0 : -EINVAL;
}

bool bech32_is_valid(const char *text)
{
	const char *separator = strrchr(text, '1');

	if (!separator || separator == text || strlen(separator + 1) < 6)
		return false;
	for (const char *p = text; p < separator; p++)
		if (*p <= ' ' || *p >= 0x7f || isupper((unsigned char)*p))
			return false;
	uint32_t checksum = polymod_prefix(text, (size_t)(separator - text));
	for (const char *p = separator + 1; *p; p++) {
		const char *found = strchr(CHARSET, *p);
		if (!found)
			return false;
		checksum = polymod_step(checksum, (uint8_t)(found - CHARSET));
	}
	return checksum == 1;
}
