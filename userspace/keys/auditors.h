/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who can check the MACs of the audit log: the age recipients in the file `auditors` in the key
 * directory (keys/recipient.h).
 * Their identities are kept elsewhere.
 */
#ifndef HEAPTRAIL_KEYS_AUDITORS_H
#define HEAPTRAIL_KEYS_AUDITORS_H

#include <stddef.h>
#include <stdint.h>

#define AUDITORS_NAME "auditors"
#define AUDITORS_MAX  4
#define AUDITOR_WRAPPED_SIZE \
	384 /* bytes of a secret of 32 bytes for one auditor, as text, at most */

struct auditors {
	uint8_t recipients[AUDITORS_MAX][32]; /* X25519 */
	size_t count;
};

/*
 * Without the file there are none. 0 or -errno; -EBADMSG: *line is not a recipient; -E2BIG: there
 * are more than AUDITORS_MAX; -EPERM: others may write the file.
 */
int auditors_read(const char *key_directory, struct auditors *auditors, unsigned *line);

/*
 * The secret for each auditor, as age files in base64 with a space between them; "" where there are
 * none. text has room for AUDITORS_MAX * (AUDITOR_WRAPPED_SIZE + 1). 0 or -errno.
 */
int auditors_wrap(const struct auditors *auditors, const uint8_t secret[static 32], char *text,
		  size_t size);

/* Opens such a text with the identity of one of them. 0; -ENOKEY: it is none of theirs; -EBADMSG:
 * not such a text. */
int auditors_unwrap(const uint8_t identity[static 32], const char *text, uint8_t secret[static 32]);

#endif
