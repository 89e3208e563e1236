/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A private SSH key as ssh-keygen writes it (OpenSSH's PROTOCOL.key), of type ed25519. */
#ifndef HEAPTRAIL_KEYS_SSH_KEY_H
#define HEAPTRAIL_KEYS_SSH_KEY_H

#include "keys/age.h"

/* Is the text meant to be one? */
bool ssh_key_is(const char *text);

/*
 * 0; -EBADMSG: it is not such a key, or damaged; -ENOTSUP: it is of another type; -EACCES: it is
 * under a passphrase, and key has its public half only.
 */
int ssh_key_parse(const char *text, struct age_key *key);

#endif
