/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `heaptrail record` was asked to do. */
#ifndef HEAPTRAIL_COMMANDS_RECORD_OPTIONS_H
#define HEAPTRAIL_COMMANDS_RECORD_OPTIONS_H

#include "base/user_function.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "commands/recording.h"
#include "commands/select.h"
#include "keys/recipient.h"

#define PIDS_MAX       65536
#define RECIPIENTS_MAX 15
#define FILES_MAX      10000

struct record_options {
	uint32_t pids[PIDS_MAX];
	size_t pid_count;
	char **command; /* NULL: none */
	uint64_t duration_ns, ring_bytes;
	const char *output_path, *state_directory;
	struct user_function functions[USER_FUNCTIONS_MAX];
	size_t function_count;
	char recipients[RECIPIENTS_MAX][RECIPIENT_TEXT_MAX]; /* beside the vault's own */
	size_t recipient_count;
	struct segments segments;
	size_t files_max; /* newest ones that stay; 0: all */
	int ready_fd;
	bool is_dry_run, is_json, has_free_stacks, has_mappings, has_points;
	enum select_kind selects; /* where value or sees_all are set */
	const char *selected;	  /* NULL: pids or command */
	int follow;		  /* asked for: 1, asked against: -1 */
	bool follows, sees_all;	  /* children of the targets; every process */
	bool has_no_census;
	bool is_forced; /* whatever a seccomp filter does to the target */
};

/* Fills in what the arguments say and the defaults for the rest; misuse ends the program. */
void record_options_parse(struct record_options *options, int argc, char **argv);

#endif
