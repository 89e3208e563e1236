/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What subcommands share: their table, exit statuses, how errors are told, where state lives. */
#ifndef HEAPTRAIL_COMMANDS_COMMAND_H
#define HEAPTRAIL_COMMANDS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_MISUSED = 2,
	EXIT_TARGET = 3,     /* not found, or gone */
	EXIT_PERMISSION = 4, /* or kernel support missing */
	EXIT_LOST = 5,	     /* finished, but data was lost */
	EXIT_INTEGRITY = 6,
	EXIT_GROWN = 7, /* more than diff --fail-on allows */
};

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is "heaptrail NAME"; returns an exit status */
	const char *summary;
};

extern const struct command COMMANDS[];
extern const size_t COMMAND_COUNT;

int record_main(int argc, char **argv);
int report_main(int argc, char **argv);
int diff_main(int argc, char **argv);
int export_main(int argc, char **argv);
int info_main(int argc, char **argv);
int verify_main(int argc, char **argv);
int audit_main(int argc, char **argv);
int rewrap_main(int argc, char **argv);
int backup_main(int argc, char **argv);
int watch_main(int argc, char **argv);
int keys_main(int argc, char **argv);
int doctor_main(int argc, char **argv);
int serve_main(int argc, char **argv);

/* "heaptrail: " and the message on stderr, made safe to show. Returns status, so that it can be
 * returned. */
int command_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define STATE_DIRECTORY "/var/lib/heaptrail"

/* Where keys, audit log and captures are: the option, $HEAPTRAIL_STATE_DIR, /var/lib/heaptrail. */
const char *command_state_directory(const char *option);

/* Where what can be computed again is kept: /var/cache/heaptrail, or in another state directory. */
const char *command_cache_directory(const char *state_directory);

/*
 * A failure that a worker sent; terminates its strings. Prints it and returns its exit status.
 * subject: what it is about, where the worker cannot know its name; NULL: the message says it.
 */
struct failure;
int command_worker_failed(struct failure *failure, const char *subject);

#endif
