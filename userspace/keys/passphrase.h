/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A passphrase, in locked memory from its first byte on. */
#ifndef HEAPTRAIL_KEYS_PASSPHRASE_H
#define HEAPTRAIL_KEYS_PASSPHRASE_H

#include <stddef.h>

#define PASSPHRASE_MIN 8
#define PASSPHRASE_MAX 1024

/* Where systemd puts it, in the directory that is named by its environment (systemd.exec(5),
 * "Credentials"). */
#define PASSPHRASE_CREDENTIAL "heaptrail-passphrase"

struct passphrase {
	size_t size;
	char text[PASSPHRASE_MAX + 1]; /* ends with 0 */
};

/* Locked, kept out of core dumps, and wiped when freed. NULL: no memory. */
struct passphrase *passphrase_new(void);
void passphrase_free(struct passphrase *passphrase);

/*
 * Reads one from a descriptor, up to its end or the end of a line. 0; -ENODATA: there is none;
 * -E2BIG: it is longer than PASSPHRASE_MAX; read errors.
 */
int passphrase_read(struct passphrase *passphrase, int fd);

/* Opens the credential; -1: systemd gave none. */
int passphrase_credential(void);

#endif
