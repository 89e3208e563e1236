/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bech32 (BIP 173) as age uses it: "age1…" recipients and "AGE-SECRET-KEY-1…" identities of 32
 * bytes. */
#ifndef HEAPTRAIL_KEYS_BECH32_H
#define HEAPTRAIL_KEYS_BECH32_H

#include <stdbool.h>
#include <stdint.h>

#define BECH32_TEXT_MAX 96

/* prefix: lower case, without the separating 1. */
void bech32_encode(const char *prefix, const uint8_t key[static 32],
		   char text[static BECH32_TEXT_MAX]);

/* Either case, not mixed. 0 or -EINVAL. */
int bech32_decode(const char *prefix, const char *text, uint8_t key[static 32]);

/* Any lower-case prefix and data, of a length that Bech32 itself does not limit: is the checksum
 * right? */
bool bech32_is_valid(const char *text);

#endif
