/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What captures are opened with that this host's vault has no key for: identities of whoever opens
 * them, or a capture's passphrase. The vault gets descriptors of the files; the command does not
 * read them.
 */
#ifndef HEAPTRAIL_COMMANDS_OPENER_H
#define HEAPTRAIL_COMMANDS_OPENER_H

#include "base/message.h"
#include "workers/protocol.h"
#include "workers/start.h"

#include <argp.h>
#include <stdbool.h>

struct opener {
	const char *identities[VAULT_IDENTITIES_MAX]; /* paths */
	uint32_t count;
	bool by_passphrase;
	const char *host_key; /* file with the key of the host that recorded; NULL: any */
};

/* A child parser for argp, whose input is a struct opener: -i, --passphrase, --host-key. */
extern const struct argp OPENER_ARGP;

/* Is there anything? If not, the vault's key is what opens. */
bool opener_is_used(const struct opener *opener);

/*
 * Does who opens start a vault of their own, whatever service there is? That is so without root:
 * what they bring is theirs, and goes to no other user's process.
 */
bool opener_has_own_vault(const struct opener *opener);

/* Where the log of the opening is: such a vault's is below XDG_STATE_HOME, whose folders are made.
 * option: --state-dir or NULL. NULL: what is wrong was printed. */
const char *opener_state_directory(const struct opener *opener, const char *option);

/* Gives the vault what there is, and says so in the request. Prints what is wrong; an exit status.
 */
int opener_bring(const struct opener *opener, struct worker_process *vault,
		 struct vault_open *request);

/* Does what a VAULT_AGE message asks for; capture: the file that it is about. The same. */
int opener_run_age(const struct opener *opener, struct message *message, int capture);

#endif
