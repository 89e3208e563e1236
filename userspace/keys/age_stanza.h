/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of an age file's header (https://c2sp.org/age, "Header"), read as strictly as the
 * format says: there is one way only to write what they say.
 */
#ifndef HEAPTRAIL_KEYS_AGE_STANZA_H
#define HEAPTRAIL_KEYS_AGE_STANZA_H

#include "base/bytes.h"

#define AGE_VERSION_LINE "age-encryption.org/v1\n"
#define AGE_WORDS_MAX	 4
#define AGE_BODY_MAX	 48

struct age_word { /* a view */
	const char *text;
	size_t length;
};

struct age_stanza {
	struct age_word words[AGE_WORDS_MAX]; /* the type, then its arguments */
	size_t word_count;		      /* of all; those beyond AGE_WORDS_MAX are not kept */
	uint8_t body[AGE_BODY_MAX];
	size_t body_size; /* of all of it; of a longer one body has the last line */
};

/* The first line. 0 or -EBADMSG. */
int age_version_read(struct bytes_reader *reader);

/* 1; 0: no stanza, but the line with the MAC is next; -EBADMSG. */
int age_stanza_read(struct bytes_reader *reader, struct age_stanza *stanza);

/* The line with the MAC; *covered: how many bytes of it the MAC covers, as it does all before it.
 */
int age_mac_read(struct bytes_reader *reader, uint8_t mac[static 32], size_t *covered);

bool age_word_is(const struct age_word *word, const char *text);

/* Exactly size bytes in canonical base64. */
bool age_word_decode(const struct age_word *word, uint8_t *out, size_t size);

#endif
