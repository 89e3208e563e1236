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
#include <stdbool.h>

/* A child parser for argp: --passphrase-fd. */
extern const struct argp UNLOCK_ARGP;

/* Of the vault's own key, as it is asked for. */
#define UNLOCK_HOST "this host's vault"

/* Gives a vault that waits for it the passphrase of what is named. */
int unlock_vault(struct worker_process *vault, const char *what);

/* What was given was wrong after all: is there another one to get? */
bool unlock_again(void);

/* A passphrase for what is named, asked for once and kept; from the terminal, for this alone, and
 * asked for again after it was wrong. */
int unlock_ask(const char *what, const struct passphrase **passphrase);

/* A new one, which the terminal asks for twice; fd: read it there instead, -1: not. The caller
 * frees it. */
int unlock_ask_new(int fd, struct passphrase **passphrase);

/* A descriptor from which the vault reads it. */
int unlock_pipe(const struct passphrase *passphrase, int *fd);

#endif
