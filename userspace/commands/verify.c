// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/read.h"
#include "commands/command.h"
#include "commands/inventory.h"
#include "commands/open.h"
#include "commands/series.h"
#include "commands/vault_client.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERIFY_MISSING 5

enum option_key {
	KEY_INVENTORY = 256,
	KEY_SEAL,
};

static const struct argp_option OPTIONS[] = {
	{ "json", 'j', NULL, 0, "print one JSON document per file", 0 },
	{ "inventory", KEY_INVENTORY, NULL, 0,
	  "compare directories (default: captures/ in the state directory) with the audit log: are all captures that it "
	  "knows there, whole, and no others?",
	  0 },
	{ "seal", KEY_SEAL, NULL, 0,
	  "in an inventory: put on record how far captures go whose recorder died, so that what is cut off them later is "
	  "found",
	  0 },
	{ "state-dir", 'S', "DIR", 0, "where the audit log is (default /var/lib/heaptrail)", 0 },
	{ 0 },
};

struct arguments {
	bool is_json, is_inventory, seals;
	struct worker_process vault; /* once something has to be put on record */
	const char *state_directory;
	char **paths; /* NULL: none were given */
	struct series_list series;
	int status; /* the worst so far */
};

static void tell(const struct arguments *arguments, const char *path, const char *state,
		 const char *reason)
{
	if (arguments->is_json) {
		json_t *line = json_pack("{s:s, s:s, s:s}", "file", path, "state", state, "reason",
					 reason);
		if (line)
			json_dumpf(line, stdout, JSON_COMPACT);
		putchar('\n');
		json_decref(line);
		return;
	}
	printf("%s: %s%s%s\n", path, state, strcmp(state, "complete") ? ": " : "",
	       strcmp(state, "complete") ? reason : "");
}

static int verify_file(struct arguments *arguments, const char *path)
{
	struct capture_verdict verdict = { 0 };
	struct capture_header header;
	int fd, err;

	if (access(path, F_OK) && errno == ENOENT) {
		tell(arguments, path, "missing", "there is no such file");
		return VERIFY_MISSING;
	}
	if (open_file(path, &fd))
		return EXIT_FAILED;
	err = capture_header_read(fd, &header);
	if (!err)
		err = capture_verify(fd, &verdict);
	close(fd);
	if (!err && verdict.state != CAPTURE_TAMPERED)
		err = series_list_add(&arguments->series, path, &header, verdict.chain);
	if (err == -ENODATA) {
		tell(arguments, path, "incomplete", "empty or cut inside its header");
		return CAPTURE_INCOMPLETE;
	}
	if (err == -EBADMSG || err == -EKEYREJECTED) {
		tell(arguments, path, "tampered",
		     "header or key slots are not valid, or it is no capture");
		return CAPTURE_TAMPERED;
	}
	if (err)
		return command_fail(EXIT_FAILED, "%s: cannot be verified: %s", path,
				    strerror(-err));
	tell(arguments, path,
	     verdict.state == CAPTURE_COMPLETE	   ? "complete"
	     : verdict.state == CAPTURE_INCOMPLETE ? "incomplete"
						   : "tampered",
	     verdict.reason);
	return (int)verdict.state;
}

static void tell_break(void *context, const char *path, bool is_missing, const char *reason)
{
	struct arguments *arguments = context;
	int status = is_missing ? VERIFY_MISSING : (int)CAPTURE_TAMPERED;

	tell(arguments, path, is_missing ? "missing" : "tampered", reason);
	if (status > arguments->status)
		arguments->status = status;
}

static const struct {
	const char *name;
	int status;
} INVENTORY_STATES[] = {
	[INVENTORY_COMPLETE] = { "complete", EXIT_DONE },
	[INVENTORY_INCOMPLETE] = { "incomplete", CAPTURE_INCOMPLETE },
	[INVENTORY_TAMPERED] = { "tampered", CAPTURE_TAMPERED },
	[INVENTORY_MISSING] = { "missing", VERIFY_MISSING },
	[INVENTORY_UNKNOWN] = { "unknown", CAPTURE_TAMPERED },
};

static void tell_state(void *context, const char *name, enum inventory_state state,
		       const char *reason)
{
	struct arguments *arguments = context;

	tell(arguments, name, INVENTORY_STATES[state].name, reason);
	if (INVENTORY_STATES[state].status > arguments->status)
		arguments->status = INVENTORY_STATES[state].status;
}

/* One that is being written goes on. */
static bool seal(void *context, int fd, const struct capture_header *header,
		 const struct capture_verdict *verdict)
{
	static const struct message_rule NOTED = { VAULT_NOTED, 0, 0 };
	static struct message answer;
	struct arguments *arguments = context;
	struct vault_recovered found = { .chunks = verdict->chunks, .size = verdict->size };

	if (open_is_written(fd))
		return false;
	memcpy(found.capture_id, header->capture_id, sizeof(found.capture_id));
	memcpy(found.chain, verdict->chain, sizeof(found.chain));
	if (arguments->vault.socket < 0 &&
	    vault_begin(&arguments->vault, command_state_directory(arguments->state_directory)))
		return false;
	return vault_ask(&arguments->vault, VAULT_RECOVERED, &found, sizeof(found), -1, &NOTED,
			 NULL, &answer) == EXIT_DONE;
}

static int take_inventory(struct arguments *arguments)
{
	const char *directory = command_state_directory(arguments->state_directory);
	char log[PATH_MAX], captures[PATH_MAX], *defaults[] = { captures, NULL };

	snprintf(log, sizeof(log), "%s/audit", directory);
	snprintf(captures, sizeof(captures), "%s/captures", directory);
	int status = inventory_take(log, arguments->paths ? arguments->paths : defaults, tell_state,
				    arguments->seals ? seal : NULL, arguments);
	worker_finish(&arguments->vault);
	return status ? status : arguments->status;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'j': arguments->is_json = true; return 0;
	case KEY_INVENTORY: arguments->is_inventory = true; return 0;
	case KEY_SEAL: arguments->seals = true; return 0;
	case 'S': arguments->state_directory = value; return 0;
	case ARGP_KEY_ARGS: arguments->paths = state->argv + state->next; return 0;
	case ARGP_KEY_END:
		if (arguments->seals && !arguments->is_inventory)
			argp_error(state, "--seal needs --inventory");
		if (!arguments->paths && !arguments->is_inventory)
			argp_error(state, "which captures?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"FILE...\n--inventory [DIRECTORY...]",
	"Checks every signature of captures, without a key, and that segments of one series follow each other. Exit status: 0 complete, 3 incomplete, 4 tampered, 5 "
	"missing; the worst of all files. In an inventory what the log does not know counts as tampered.",
	NULL,
	NULL,
	NULL
};

int verify_main(int argc, char **argv)
{
	struct arguments arguments = { .vault = WORKER_PROCESS_NONE };

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	if (arguments.is_inventory)
		return take_inventory(&arguments);
	for (char **path = arguments.paths; *path; path++) {
		int status = verify_file(&arguments, *path);
		if (status > arguments.status)
			arguments.status = status;
	}
	series_list_check(&arguments.series, tell_break, &arguments);
	series_list_free(&arguments.series);
	return arguments.status;
}
