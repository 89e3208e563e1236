// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/io.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/unlock.h"
#include "commands/vault_client.h"
#include "keys/recipient.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_NEW_FD 256

static const struct argp_option OPTIONS[] = {
	{ "new-passphrase-fd", KEY_NEW_FD, "N", 0,
	  "read the new passphrase from descriptor N, not from the terminal", 0 },
	{ "state-dir", 'S', "DIR", 0, "where the keys are (default /var/lib/heaptrail)", 0 },
	{ 0 },
};

enum verb {
	SHOW,
	INIT,
	ROTATE,
	RECIPIENTS,
	PASSPHRASE,
	VERB_COUNT
};

static const char *const VERBS[VERB_COUNT] = { "show", "init", "rotate", "recipients",
					       "passphrase" };

#define WHICH_VERB "show, init, rotate, recipients or passphrase?"

struct arguments {
	int verb;			/* -1: none yet */
	const char *change, *recipient; /* of recipients: NULL, or "add", "remove"; of the
					   passphrase: NULL, or "remove" */
	int new_fd;			/* -1: the terminal */
	const char *state_directory;
};

static int verb_named(const char *name)
{
	for (int i = 0; i < VERB_COUNT; i++)
		if (strcmp(VERBS[i], name) == 0)
			return i;
	return -1;
}

static void take_word(struct arguments *arguments, char *word, struct argp_state *state)
{
	if (arguments->verb < 0) {
		arguments->verb = verb_named(word);
		if (arguments->verb < 0)
			argp_error(state, WHICH_VERB);
	} else if (arguments->verb == PASSPHRASE && !arguments->change &&
		   strcmp(word, "remove") == 0) {
		arguments->change = word;
	} else if (arguments->verb == RECIPIENTS && !arguments->change &&
		   (strcmp(word, "add") == 0 || strcmp(word, "remove") == 0)) {
		arguments->change = word;
	} else if (arguments->verb == RECIPIENTS && arguments->change && !arguments->recipient) {
		arguments->recipient = word;
	} else {
		argp_error(state, "too many words");
	}
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'S': arguments->state_directory = value; return 0;
	case KEY_NEW_FD: arguments->new_fd = atoi(value); return 0;
	case ARGP_KEY_ARG: take_word(arguments, value, state); return 0;
	case ARGP_KEY_END:
		if (arguments->verb < 0)
			argp_error(state, WHICH_VERB);
		if (arguments->verb == RECIPIENTS && arguments->change && !arguments->recipient)
			argp_error(
				state,
				"which recipient? One looks like age1... or ssh-ed25519 AAAA...");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child CHILDREN[] = { { &UNLOCK_ARGP, 0, NULL, 0 }, { 0 } };

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"show\ninit\nrotate\nrecipients [add|remove RECIPIENT]\npassphrase [remove]",
	"The public halves of this host's keys; the private halves never leave the vault. `init' "
	"makes the keys where there are none, as the first recording does. `rotate' makes a new vault key for "
	"captures to come; earlier keys stay, to open what is there. `recipients' are for every "
	"recording from now on, beside the vault: age identities and SSH keys whose holders open captures anywhere (`report -i'), "
	"without this host's audit log. `passphrase' puts the vault's key under a passphrase, or another one: "
	"recordings go on without it, and whoever opens a capture, or rotates the key, has to give it."
	"\vA passphrase is typed, read from a descriptor, or given by systemd; never an argument, nor in the "
	"environment. Whoever forgets it has lost the captures. The file that it replaces may be left on the "
	"disk: `passphrase', then `rotate', and the newest key never was there in the clear.",
	CHILDREN,
	NULL,
	NULL
};

/* Showing keys must not make some. */
static int find_keys(const char *directory)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/keys/vault.key", directory);
	if (access(path, F_OK) == 0 || errno != ENOENT)
		return EXIT_DONE;
	return command_fail(EXIT_FAILED,
			    "%s/keys: there are no keys yet; `heaptrail keys init' "
			    "or the first recording makes them",
			    directory);
}

static int ask_public(struct worker_process *vault, struct vault_keys *keys)
{
	static const struct message_rule KEYS = { VAULT_KEYS, sizeof(struct vault_keys), 0 };
	static struct message answer;
	int status = vault_ask(vault, VAULT_PUBLIC, NULL, 0, -1, &KEYS, NULL, &answer);

	if (!status)
		memcpy(keys, answer.body, sizeof(*keys));
	keys->recipient[sizeof(keys->recipient) - 1] = 0;
	return status;
}

static int show(struct worker_process *vault, const char *directory)
{
	struct vault_keys keys;
	char host[65];
	int status = ask_public(vault, &keys);

	if (status)
		return status;
	printf("vault      %s%s\nhost key   %s\ndirectory  %s/keys\n", keys.recipient,
	       keys.has_passphrase ? "  (under a passphrase)" : "",
	       text_hex(host, keys.host_pk, sizeof(keys.host_pk)), directory);
	return EXIT_DONE;
}

static int list(struct worker_process *vault)
{
	static const struct message_rule LIST = { VAULT_RECIPIENT_LIST,
						  sizeof(struct vault_recipients), 0 };
	static struct message answer;
	struct vault_recipients *recipients = (void *)answer.body;
	int status = vault_ask(vault, VAULT_RECIPIENTS, NULL, 0, -1, &LIST, NULL, &answer);

	for (uint32_t i = 0; !status && i < recipients->count && i < VAULT_RECIPIENTS_MAX; i++) {
		recipients->texts[i][sizeof(recipients->texts[i]) - 1] = 0;
		puts(recipients->texts[i]);
	}
	return status;
}

static int change(struct worker_process *vault, enum vault_change_kind what, const char *recipient)
{
	static const struct message_rule NOTED = { VAULT_NOTED, 0, 0 };
	static struct message answer;
	struct vault_change request = { .what = what };
	struct recipient parsed;

	/* not repeated: it may be an identity, which is a secret */
	if (recipient && recipient_parse(recipient, &parsed))
		return command_fail(
			EXIT_MISUSED,
			"not a recipient; one looks like age1... or ssh-ed25519 AAAA...");
	if (recipient)
		recipient_format(&parsed, request.recipient);
	return vault_ask(vault, VAULT_CHANGE, &request, sizeof(request), -1, &NOTED, NULL, &answer);
}

/* The old one first, as people expect it. */
static int protect(struct worker_process *vault, int new_fd)
{
	static const struct message_rule NOTED = { VAULT_NOTED, 0, 0 };
	static struct message answer;
	struct passphrase *passphrase = NULL;
	struct vault_keys keys;
	int fd = -1, status = ask_public(vault, &keys);

	if (!status && keys.is_locked)
		status = unlock_vault(vault, UNLOCK_HOST);
	if (!status)
		status = unlock_ask_new(new_fd, &passphrase);
	if (!status)
		status = unlock_pipe(passphrase, &fd);
	if (!status)
		status = vault_ask(vault, VAULT_PROTECT, NULL, 0, fd, &NOTED, NULL, &answer);
	io_close(&fd);
	passphrase_free(passphrase);
	return status;
}

static int run(const struct arguments *arguments, struct worker_process *vault,
	       const char *directory)
{
	int status = EXIT_DONE;

	if (arguments->verb == RECIPIENTS && !arguments->change)
		return list(vault);
	if (arguments->verb == RECIPIENTS)
		return change(vault,
			      strcmp(arguments->change, "add") == 0 ? VAULT_ADD_RECIPIENT
								    : VAULT_REMOVE_RECIPIENT,
			      arguments->recipient);
	if (arguments->verb == PASSPHRASE && !arguments->change)
		return protect(vault, arguments->new_fd);
	if (arguments->verb == PASSPHRASE)
		return change(vault, VAULT_UNPROTECT, NULL);
	if (arguments->verb == ROTATE)
		status = change(vault, VAULT_ROTATE, NULL);
	return status ? status : show(vault, directory);
}

int keys_main(int argc, char **argv)
{
	struct worker_process vault = WORKER_PROCESS_NONE;
	struct arguments arguments = { .verb = -1, .new_fd = -1 };

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	const char *directory = command_state_directory(arguments.state_directory);
	int status = arguments.verb == INIT ? EXIT_DONE : find_keys(directory);
	if (!status)
		status = vault_begin(&vault, directory);
	if (!status)
		status = run(&arguments, &vault, directory);
	worker_finish(&vault);
	return status;
}
