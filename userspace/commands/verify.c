// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/read.h"
#include "commands/command.h"
#include "commands/open.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERIFY_MISSING 5

static const struct argp_option OPTIONS[] = {
	{ "json", 'j', NULL, 0, "print one JSON document per file", 0 },
	{ 0 },
};

struct arguments {
	bool is_json;
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

static int verify_file(const struct arguments *arguments, const char *path)
{
	struct capture_verdict verdict = { 0 };
	int fd, err;

	if (access(path, F_OK) && errno == ENOENT) {
		tell(arguments, path, "missing", "there is no such file");
		return VERIFY_MISSING;
	}
	if (open_file(path, &fd))
		return EXIT_FAILED;
	err = capture_verify(fd, &verdict);
	close(fd);
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

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'j': arguments->is_json = true; return 0;
	case ARGP_KEY_ARG: {
		int status = verify_file(arguments, value);
		if (status > arguments->status)
			arguments->status = status;
		return 0;
	}
	case ARGP_KEY_NO_ARGS: argp_error(state, "which captures?"); return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"FILE...",
	"Checks every signature of captures, without a key. Exit status: 0 complete, 3 incomplete, 4 tampered, 5 "
	"missing; the worst of all files.",
	NULL,
	NULL,
	NULL
};

int verify_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	return arguments.status;
}
