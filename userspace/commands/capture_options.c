// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/capture_options.h"

#include "commands/command.h"
#include "commands/debuginfod.h"
#include "commands/unlock.h"

#include "base/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE_BYTES (1ll << 30) /* which takes some seconds */

enum option_key {
	KEY_DEBUGINFOD = 768,
	KEY_QUICK,
	KEY_REPLAY,
};

static const struct argp_option OPTIONS[] = {
	{ "reason", 'r', "TEXT", 0, "why, for the audit log", 0 },
	{ "state-dir", 'S', "DIR", 0,
	  "where keys and audit log are (default /var/lib/heaptrail; without root, with --identity or --passphrase, ~/.local/state/heaptrail)",
	  0 },
	{ "quick", KEY_QUICK, NULL, 0,
	  "answer from the capture's summary at once, without verifying the events (`heaptrail verify` does)",
	  0 },
	{ "replay", KEY_REPLAY, NULL, 0, "go through all events, even where the summary is enough",
	  0 },
	{ 0 },
};

static const struct argp_option NAMES_OPTIONS[] = {
	{ "debuginfod", KEY_DEBUGINFOD, NULL, 0,
	  "ask the servers of $DEBUGINFOD_URLS for names that the capture lacks; they learn build ids",
	  0 },
	{ 0 },
};

static void add_path(struct capture_options *options, const char *path, struct argp_state *state)
{
	if (options->count == options->wanted)
		argp_error(state, "%s at a time",
			   options->wanted == 1 ? "one capture" : "two captures");
	options->paths[options->count++] = path;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct capture_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->filter;
		state->child_inputs[2] = &options->opener;
		return 0;
	case 'r': options->reason = value; return 0;
	case 'S': options->state_directory = value; return 0;
	case KEY_QUICK: options->read = "quick"; return 0;
	case KEY_REPLAY: options->read = "replay"; return 0;
	case ARGP_KEY_ARG: add_path(options, value, state); return 0;
	case ARGP_KEY_END:
		if (options->count < options->wanted)
			argp_error(state, "which %s?",
				   options->wanted == 1 ? "capture" : "two captures");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t parse_names(int key, char *value, struct argp_state *state)
{
	struct capture_options *options = state->input;

	(void)value;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = options; return 0;
	case KEY_DEBUGINFOD: options->has_debuginfod = true; return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child CHILDREN[] = { { &FILTER_ARGP, 0, NULL, 0 },
					      { &UNLOCK_ARGP, 0, NULL, 0 },
					      { &OPENER_ARGP, 0, NULL, 0 },
					      { 0 } };
static const struct argp_child NAMES_CHILDREN[] = { { &CAPTURE_ARGP, 0, NULL, 0 }, { 0 } };

const struct argp CAPTURE_ARGP = { OPTIONS, parse, NULL, NULL, CHILDREN, NULL, NULL };
const struct argp CAPTURE_NAMES_ARGP = { NAMES_OPTIONS,	 parse_names, NULL, NULL,
					 NAMES_CHILDREN, NULL,	      NULL };

long capture_options_limit(const char *value, struct argp_state *state)
{
	char *end;
	long limit = strtol(value, &end, 10);

	if (*end || limit < 0)
		argp_error(state, "--limit: not a number of rows: %s", value);
	return limit;
}

/* Whoever waits is to know what for, and how not to. */
static void tell_size(const char *path)
{
	char size[UNITS_TEXT_MAX];
	struct stat st;

	if (isatty(STDERR_FILENO) && stat(path, &st) == 0 && st.st_size >= LARGE_BYTES)
		fprintf(stderr, "heaptrail: verifying %s (--quick: only the summary)\n",
			units_format_size((uint64_t)st.st_size, size));
}

int capture_options_open(const struct capture_options *options, size_t index, const char *operation,
			 struct opened_capture *capture)
{
	/* what cannot be done is said before the opening is on record */
	int status = options->has_debuginfod ? debuginfod_check() : EXIT_DONE;

	struct open_request request = { .path = options->paths[index],
					.operation = operation,
					.why = options->reason,
					.opener = &options->opener };

	if (status)
		return status;
	request.state_directory = opener_state_directory(&options->opener,
							 options->state_directory);
	status = request.state_directory ? open_capture(&request, capture) : EXIT_FAILED;
	if (status)
		return status;
	capture->filter = options->filter.filter;
	capture->read = options->read;
	if (!options->read && !options->filter.filter)
		tell_size(options->paths[index]);
	if (options->has_debuginfod)
		status = debuginfod_fill(capture);
	if (status)
		opened_capture_close(capture);
	return status;
}

void capture_options_free(struct capture_options *options)
{
	json_decref(options->filter.filter);
	options->filter.filter = NULL;
}
