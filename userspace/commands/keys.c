// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"
#include "commands/command.h"
#include "commands/vault_client.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct argp_option OPTIONS[] = {
	{ "state-dir", 'S', "DIR", 0, "where the keys are (default /var/lib/heaptrail)", 0 },
	{ 0 },
};

struct arguments {
	const char *verb, *state_directory;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'S': arguments->state_directory = value; return 0;
	case ARGP_KEY_ARG:
		if (arguments->verb || (strcmp(value, "show") != 0 && strcmp(value, "init") != 0))
			argp_error(state, "show or init?");
		arguments->verb = value;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->verb)
			argp_error(state, "show or init?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"show|init",
	"The public halves of this host's keys; the private halves never leave the vault. `init' "
	"makes the keys where there are none, as the first recording does.",
	NULL,
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

int keys_main(int argc, char **argv)
{
	static const struct message_rule KEYS = { VAULT_KEYS, sizeof(struct vault_keys), 0 };
	static struct message answer;
	struct worker_process vault = WORKER_PROCESS_NONE;
	struct arguments arguments = { 0 };
	struct vault_keys *keys = (void *)answer.body;
	char host[65];

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	const char *directory = command_state_directory(arguments.state_directory);
	int status = strcmp(arguments.verb, "show") == 0 ? find_keys(directory) : EXIT_DONE;
	if (!status)
		status = vault_begin(&vault, directory);
	if (!status)
		status = vault_ask(&vault, VAULT_PUBLIC, NULL, 0, -1, &KEYS, NULL, &answer);
	if (!status) {
		keys->recipient[sizeof(keys->recipient) - 1] = 0;
		printf("vault      %s\nhost key   %s\ndirectory  %s/keys\n", keys->recipient,
		       text_hex(host, keys->host_pk, sizeof(keys->host_pk)), directory);
	}
	worker_finish(&vault);
	return status;
}
