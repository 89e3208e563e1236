// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/vault_client.h"

#include "base/text.h"
#include "commands/command.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

int vault_begin(struct worker_process *vault, const char *state_directory)
{
	struct vault_start start = { 0 };

	/* the vault's own working directory is nobody's business */
	if (state_directory[0] != '/')
		return command_fail(EXIT_MISUSED, "--state-dir %s: must be an absolute path",
				    state_directory);
	if (strlen(state_directory) >= sizeof(start.state_directory))
		return command_fail(EXIT_MISUSED, "--state-dir: the path is too long");
	int err = worker_start("vault", vault);
	if (err)
		return command_fail(EXIT_FAILED,
				    "the vault worker (heaptrail-vault) cannot be started: %s",
				    strerror(-err));
	text_copy(start.state_directory, sizeof(start.state_directory), state_directory);
	err = message_send(vault->socket, VAULT_START, &start, sizeof(start), NULL, 0);
	return err ? command_fail(EXIT_FAILED, "the vault is gone: %s", strerror(-err)) : EXIT_DONE;
}

int vault_ask(struct worker_process *vault, enum message_type type, const void *body, size_t size,
	      int fd, const struct message_rule *expected, const char *subject,
	      struct message *answer)
{
	struct message_rule rules[2] = { *expected,
					 { MESSAGE_FAILURE, sizeof(struct failure), 0 } };
	int err = message_send(vault->socket, type, body, size, &fd, fd >= 0);

	/* a vault that gave up has said why before it hung up */
	if (!err || err == -EPIPE)
		err = message_recv(vault->socket, rules, 2, answer);
	if (err)
		return command_fail(EXIT_FAILED, "the vault is gone: %s", strerror(-err));
	return answer->type == MESSAGE_FAILURE
		       ? command_worker_failed((struct failure *)answer->body, subject)
		       : EXIT_DONE;
}
