/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What somebody opens age files with who has no vault, as age takes it: a file of age identities
 * (one on each line, also of plugins), one that is encrypted by `age -p' (with or without --armor),
 * or a private SSH key of type ed25519.
 */
#ifndef HEAPTRAIL_KEYS_IDENTITY_FILE_H
#define HEAPTRAIL_KEYS_IDENTITY_FILE_H

#include "keys/age.h"
#include "keys/passphrase.h"

#define IDENTITY_FILE_MAX 16384 /* bytes */
#define IDENTITY_KEYS_MAX 16

struct identity_file {
	struct age_key keys[IDENTITY_KEYS_MAX];
	size_t count;
	/* something in it is for the age program: an identity of a plugin; or, where ssh is one, an
	 * SSH key under a passphrase */
	bool takes_program;
	struct recipient ssh;		 /* its public half; of kind RECIPIENT_SSH_ED25519 */
	char plugin[RECIPIENT_TEXT_MAX]; /* NAME of the first plugin; "": none */
};

/*
 * text ends with 0. 0; -EBADMSG: a line is neither an identity nor a comment, there is none, or the
 * SSH key is damaged; -ENOTSUP: an SSH key of another type; -E2BIG: more than IDENTITY_KEYS_MAX.
 * The caller wipes the file.
 */
int identity_file_parse(const char *text, struct identity_file *file);

/* Is it encrypted by a passphrase? */
bool identity_file_is_locked(const char *text, size_t size);

/*
 * Decrypts it; plain: room for IDENTITY_FILE_MAX + 1, and ends with 0. 0; errors of
 * age_unwrap_passphrase().
 */
int identity_file_unlock(const struct passphrase *passphrase, const char *text, size_t size,
			 char *plain);

#endif
