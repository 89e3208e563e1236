/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small secrets in the age v1 file format (https://age-encryption.org/v1), for one recipient:
 * enough for a key slot, and any age program opens one. What is for SSH keys is age's ssh-ed25519
 * stanza (https://pkg.go.dev/filippo.io/age/agessh).
 */
#ifndef HEAPTRAIL_KEYS_AGE_H
#define HEAPTRAIL_KEYS_AGE_H

#include "keys/recipient.h"

#define AGE_PREFIX_RECIPIENT "age"
#define AGE_PREFIX_IDENTITY  "age-secret-key-"
#define AGE_PAYLOAD_MAX	     4096

/* Appends a complete age file that holds secret for the recipient. 0; -EINVAL: it takes a plugin,
 * or more than that is wrong; -ENOMEM. */
int age_wrap(const struct recipient *recipient, const uint8_t *secret, size_t size,
	     struct bytes_buffer *out);

/* What opens what was wrapped for a recipient. */
struct age_key {
	struct recipient recipient; /* RECIPIENT_X25519 or RECIPIENT_SSH_ED25519 */
	uint8_t secret[32];	    /* scalar on Curve25519 */
};

void age_key_x25519(struct age_key *key, const uint8_t identity[static 32]);
void age_key_ssh(struct age_key *key, const uint8_t seed[static 32]); /* of the SSH key, Ed25519 */

/*
 * Opens an age file; it must hold exactly size bytes. 0; -EBADMSG: not an age file, or changed;
 * -ENOKEY: not for this key.
 */
int age_unwrap_by(const struct age_key *key, const uint8_t *file, size_t file_size, uint8_t *secret,
		  size_t size);

/* The same with an age identity. */
int age_unwrap(const uint8_t identity[static 32], const uint8_t *file, size_t file_size,
	       uint8_t *secret, size_t size);

#define AGE_WORK_FACTOR_MAX 20 /* scrypt then takes 1 GiB, and some seconds */

/* Is it a whole one, for whomever, that could hold a secret of this size? */
bool age_is_file(const uint8_t *file, size_t file_size, size_t secret_size);

/* Is it under a passphrase? */
bool age_has_passphrase(const uint8_t *file, size_t file_size);

/*
 * Opens an age file that is under a passphrase and holds at most max bytes, less than 64 KiB. 0 and
 * *size; -EBADMSG; -ENOKEY: another passphrase, or none; -E2BIG: it asks for more than
 * AGE_WORK_FACTOR_MAX, and nothing was tried; -ENOMEM.
 */
int age_unwrap_passphrase(const char *passphrase, size_t passphrase_size, const uint8_t *file,
			  size_t file_size, uint8_t *secret, size_t max, size_t *size);

/* Whom it may be for, where that is all there is to know: does it name this SSH key; is it for
 * somebody that we cannot be, but a plugin of age may? */
bool age_names_ssh_key(const uint8_t *file, size_t file_size, const struct recipient *recipient);
bool age_is_for_plugin(const uint8_t *file, size_t file_size);

#endif
