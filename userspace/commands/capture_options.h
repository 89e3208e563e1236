/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of commands that open captures and ask about them: which, why, and about which part;
 * and how they are opened for it. What a command answers is its own.
 */
#ifndef HEAPTRAIL_COMMANDS_CAPTURE_OPTIONS_H
#define HEAPTRAIL_COMMANDS_CAPTURE_OPTIONS_H

#include "commands/filter_options.h"
#include "commands/open.h"

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#define CAPTURES_MAX 2

/* Child parsers for argp; their input is a struct capture_options. With names: --debuginfod, too.
 */
extern const struct argp CAPTURE_ARGP;
extern const struct argp CAPTURE_NAMES_ARGP;

struct capture_options {
	const char *paths[CAPTURES_MAX];
	size_t wanted, count; /* of paths: that must be there, and are */
	const char *reason, *state_directory;
	struct opener opener;
	const char *read; /* NULL: as is usual (workers/reader.h) */
	bool has_debuginfod;
	struct filter_options filter;
};

/* wanted_count: how many captures. */
#define CAPTURE_OPTIONS(wanted_count)                  \
	{                                              \
		.wanted = (wanted_count), .reason = "" \
	}

/* The value of --limit: a number of rows. */
long capture_options_limit(const char *value, struct argp_state *state);

/*
 * Opens the one at paths[index]; every question to it has the filter, and names from servers are
 * there if they are wanted. operation: as open_capture() has it. Prints what is wrong; an exit
 * status, and nothing is open unless it is EXIT_DONE.
 */
int capture_options_open(const struct capture_options *options, size_t index, const char *operation,
			 struct opened_capture *capture);

void capture_options_free(struct capture_options *options);

#endif
