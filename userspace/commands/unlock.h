/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The passphrase of the vault's key: where commands have it from, and how the vault gets it. In the
 * order in which they count: --passphrase-fd, systemd's credential, the terminal. Errors are
 * printed; what is returned is an exit status.
 */
#ifndef HEAPTRAIL_COMMANDS_UNLOCK_H
#define HEAPTRAIL_COMMANDS_UNLOCK_H

#include "keys/passphrase.h"
#include "workers/start.h"

#include <argp.h>

/* A child parser for argp: --passphrase-fd. */
extern const struct argp UNLOCK_ARGP;

/* Gives it to a vault that waits for it. */
int unlock_vault(struct worker_process *vault);

/* A passphrase for the file that is named, asked for once and kept, or, from the terminal, asked
 * for again after it was wrong. */
int unlock_ask(const char *what, const struct passphrase **passphrase);

/* A new one, which the terminal asks for twice; fd: read it there instead, -1: not. The caller
 * frees it. */
int unlock_ask_new(int fd, struct passphrase **passphrase);

/* A descriptor from which the vault reads it. */
int unlock_pipe(const struct passphrase *passphrase, int *fd);

#endif
