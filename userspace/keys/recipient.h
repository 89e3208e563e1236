/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who can open a key slot, by public key: an age recipient ("age1…"), or an SSH key of type ed25519
 * as in authorized_keys ("ssh-ed25519 AAAA… comment"), which age programs take, too; or what an age
 * plugin understands ("age1NAME1…", by age-plugin-NAME), of which only the form is known here.
 */
#ifndef HEAPTRAIL_KEYS_RECIPIENT_H
#define HEAPTRAIL_KEYS_RECIPIENT_H

#include "base/bytes.h"

#define RECIPIENT_TEXT_MAX 128 /* without a comment */

enum recipient_kind {
	RECIPIENT_X25519,
	RECIPIENT_SSH_ED25519,
	RECIPIENT_PLUGIN,
};

struct recipient {
	uint8_t kind;
	uint8_t key[32];
	char text[RECIPIENT_TEXT_MAX]; /* of a plugin's: all that there is */
};

/* 0 or -EINVAL: it is neither, or a key that nothing can be encrypted for. */
int recipient_parse(const char *text, struct recipient *recipient);

/* As recipient_parse() takes it, without the comment. */
void recipient_format(const struct recipient *recipient, char text[static RECIPIENT_TEXT_MAX]);

/* The NAME in a recipient of a plugin's: lower-case letters, digits and dashes, so that it is no
 * path. name: room for the whole text. False: it is none. */
bool recipient_plugin(const char *text, char *name);

bool recipient_is(const struct recipient *a, const struct recipient *b);

/* An SSH key as ssh encodes it (RFC 8709): two strings, each behind its length. */
#define RECIPIENT_SSH_BYTES 51
void recipient_ssh(const struct recipient *recipient, uint8_t wire[static RECIPIENT_SSH_BYTES]);

/*
 * The recipients in a file of the key directory, one on each line; lines that begin with # are
 * comments. Without the file there are none. 0 and *count, or -errno; *line is the one in question:
 * -EBADMSG it is no recipient; -E2BIG: there are more than max; -EPERM: others may write the file.
 */
int recipients_read(const char *directory, const char *name, struct recipient *recipients,
		    size_t max, size_t *count, unsigned *line);

/* Writes such a file, in the place of the one that is there. 0 or -errno. */
int recipients_write(const char *directory, const char *name, const struct recipient *recipients,
		     size_t count);

#endif
