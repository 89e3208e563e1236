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

/*
 * Opens an age file with an identity's secret key; it must hold exactly size bytes. 0; -EBADMSG:
 * not an age file, or changed; -ENOKEY: not for this identity.
 */
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

#endif
