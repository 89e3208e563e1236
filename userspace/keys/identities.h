/* SPDX-License-Identifier: GPL-2.0-or-later */
/* age identities as age-keygen writes them: one on each line, after a comment with its public half.
 */
#ifndef HEAPTRAIL_KEYS_IDENTITIES_H
#define HEAPTRAIL_KEYS_IDENTITIES_H

#include "keys/bech32.h"

#include <stddef.h>
#include <stdint.h>

#define IDENTITIES_MAX	    16
#define IDENTITIES_TEXT_MAX 4096

struct identities {
	uint8_t keys[IDENTITIES_MAX][32]; /* the newest first */
	size_t count;
};

/* 0; -EBADMSG: a line is neither an identity nor a comment, there is none, or there are too many.
 */
int identities_parse(const char *text, struct identities *identities);

void identities_format(const struct identities *identities, char text[static IDENTITIES_TEXT_MAX]);

/* Whom captures are encrypted for: the first one's public half. */
void identities_recipient(const struct identities *identities,
			  char recipient[static BECH32_TEXT_MAX]);

/* Puts another one, new, before the others. 0 or -E2BIG. */
int identities_add(struct identities *identities);

#endif
