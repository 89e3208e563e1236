/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vault as commands use it. Errors are printed; what is returned is an exit status. */
#ifndef HEAPTRAIL_COMMANDS_VAULT_CLIENT_H
#define HEAPTRAIL_COMMANDS_VAULT_CLIENT_H

#include "base/message.h"
#include "workers/protocol.h"
#include "workers/start.h"

/* Starts the vault for this state directory. */
int vault_begin(struct worker_process *vault, const char *state_directory);

/* The same, to open one capture; is_own: by a vault that is started for it, whatever service there
 * is. */
int vault_begin_with_reader(struct worker_process *vault, const char *state_directory, bool is_own);

/*
 * Sends a request and waits for its answer: the type it must have, with fd_count descriptors, or a
 * failure, which is printed, about subject (NULL:
 * it says itself what it is about). fd: sent along, -1: none.
 */
int vault_ask(struct worker_process *vault, enum message_type type, const void *body, size_t size,
	      int fd, const struct message_rule *expected, const char *subject,
	      struct message *answer);

/*
 * The same with fd_count descriptors. A vault whose key is under a passphrase is given that first
 * (commands/unlock.h), where what it is asked for needs it.
 */
int vault_ask_with(struct worker_process *vault, enum message_type type, const void *body,
		   size_t size, const int *fds, uint32_t fd_count,
		   const struct message_rule *expected, const char *subject,
		   struct message *answer);

/* What comes back is any that the rules permit, a failure among them if they do, and is not told.
 */
int vault_ask_any(struct worker_process *vault, enum message_type type, const void *body,
		  size_t size, const int *fds, uint32_t fd_count, const struct message_rule *rules,
		  size_t rule_count, struct message *answer);

/* The same of what comes next, where nothing is sent first. */
int vault_hear(struct worker_process *vault, const struct message_rule *rules, size_t rule_count,
	       struct message *answer);

#endif
