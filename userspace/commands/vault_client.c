// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/vault_client.h"

#include "base/text.h"
#include "commands/command.h"
#include "commands/supervise.h"
#include "commands/unlock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* Where the service listens (policies/systemd/heaptrail-vault.socket). */
#define SERVICE_SOCKET "/run/heaptrail/vault.sock"

/*
 * Where the service is, it has the keys of the usual state directory. Any other directory has a
 * vault that whoever may read the keys starts.
 */
static int begin(struct worker_process *vault, const char *state_directory)
{
	const char *path = getenv("HEAPTRAIL_VAULT");
	bool is_asked_for = path && *path;

	if (!is_asked_for && strcmp(state_directory, STATE_DIRECTORY) != 0)
		return worker_start("vault", vault);
	int err = worker_connect(is_asked_for ? path : SERVICE_SOCKET, vault);
	return err == -ENOENT && !is_asked_for ? worker_start("vault", vault) : err;
}

static int begin_with(struct worker_process *vault, const char *state_directory, bool has_reader,
		      bool is_own)
{
	struct vault_start start = { .has_reader = has_reader };

	/* the vault's own working directory is nobody's business */
	if (state_directory[0] != '/')
		return command_fail(EXIT_MISUSED, "--state-dir %s: must be an absolute path",
				    state_directory);
	if (strlen(state_directory) >= sizeof(start.state_directory))
		return command_fail(EXIT_MISUSED, "--state-dir: the path is too long");
	int err = is_own ? worker_start("vault", vault) : begin(vault, state_directory);
	if (err)
		return command_fail(
			err == -EACCES ? EXIT_PERMISSION : EXIT_FAILED,
			"the vault cannot be %s: %s%s",
			err == -ENOENT ? "found (heaptrail-vault)" : "reached", strerror(-err),
			err == -EACCES ? "; members of the group heaptrail may connect" : "");
	const char *journal = getenv("HEAPTRAIL_JOURNAL");
	text_copy(start.journal, sizeof(start.journal), journal ? journal : "");
	text_copy(start.state_directory, sizeof(start.state_directory), state_directory);
	err = message_send(vault->socket, VAULT_START, &start, sizeof(start), NULL, 0);
	/* one that gave up has said why: the first answer tells */
	return err && err != -EPIPE
		       ? command_fail(EXIT_FAILED, "the vault is gone: %s", strerror(-err))
		       : EXIT_DONE;
}

int vault_begin(struct worker_process *vault, const char *state_directory)
{
	return begin_with(vault, state_directory, false, false);
}

int vault_begin_with_reader(struct worker_process *vault, const char *state_directory, bool is_own)
{
	return begin_with(vault, state_directory, true, is_own);
}

/* The vault may take its time, with a disk that is slow; but it has to be awake. */
static void await(struct worker_process *vault)
{
	struct pollfd answer = { .fd = vault->socket, .events = POLLIN };

	while (poll(&answer, 1, SUPERVISE_LOOK_MS) == 0)
		supervise_look(vault);
}

/* err: of sending what it is the answer to. */
static int hear(struct worker_process *vault, int err, const struct message_rule *rules,
		size_t rule_count, struct message *answer)
{
	char fate[SUPERVISE_TEXT_MAX];

	if (!err)
		await(vault);
	/* a vault that gave up has said why before it hung up */
	if (!err || err == -EPIPE)
		err = message_recv(vault->socket, rules, rule_count, answer);
	if (err == -EPIPE)
		return command_fail(EXIT_FAILED, "the vault %s", supervise_fate(vault, fate));
	return err ? command_fail(EXIT_FAILED, "the vault is gone: %s", strerror(-err)) : EXIT_DONE;
}

int vault_hear(struct worker_process *vault, const struct message_rule *rules, size_t rule_count,
	       struct message *answer)
{
	return hear(vault, 0, rules, rule_count, answer);
}

int vault_ask_any(struct worker_process *vault, enum message_type type, const void *body,
		  size_t size, const int *fds, uint32_t fd_count, const struct message_rule *rules,
		  size_t rule_count, struct message *answer)
{
	return hear(vault, message_send(vault->socket, type, body, size, fds, fd_count), rules,
		    rule_count, answer);
}

int vault_ask(struct worker_process *vault, enum message_type type, const void *body, size_t size,
	      int fd, const struct message_rule *expected, const char *subject,
	      struct message *answer)
{
	return vault_ask_with(vault, type, body, size, &fd, fd >= 0, expected, subject, answer);
}

int vault_ask_with(struct worker_process *vault, enum message_type type, const void *body,
		   size_t size, const int *fds, uint32_t fd_count,
		   const struct message_rule *expected, const char *subject, struct message *answer)
{
	const struct message_rule rules[] = { *expected,
					      { MESSAGE_FAILURE, sizeof(struct failure), 0 },
					      { VAULT_LOCKED, sizeof(struct vault_locked), 0 } };
	int status;

	do {
		status = vault_ask_any(vault, type, body, size, fds, fd_count, rules, 3, answer);
		if (status || answer->type != VAULT_LOCKED)
			break;
		status = unlock_vault(vault, UNLOCK_HOST);
	} while (!status);
	return !status && answer->type == MESSAGE_FAILURE
		       ? command_worker_failed((struct failure *)answer->body, subject)
		       : status;
}
