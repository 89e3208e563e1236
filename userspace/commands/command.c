// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/command.h"

#include "base/text.h"
#include "workers/protocol.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct command COMMANDS[] = {
	{ "record", record_main,
	  "record the allocations of running processes into a sealed capture" },
	{ "report", report_main, "say who holds, or held, the memory" },
	{ "diff", diff_main, "say what changed between two captures, or two times of one" },
	{ "export", export_main,
	  "write a capture's stacks for other tools: pprof, flame graphs, …" },
	{ "info", info_main, "what a capture's header tells without a key" },
	{ "verify", verify_main, "check that captures are complete and unchanged" },
	{ "audit", audit_main, "show or verify the record of every opening" },
	{ "rewrap", rewrap_main, "change who can open a capture" },
	{ "backup", backup_main, "copy captures to another directory, and verify the copies" },
	{ "watch", watch_main, "record who opens captures, by whatever program" },
	{ "keys", keys_main, "show or make this host's keys" },
	{ "serve", serve_main, "what the recording service runs for each who asks" },
	{ "doctor", doctor_main, "what this machine can do, and what is missing" },
};

const size_t COMMAND_COUNT = sizeof(COMMANDS) / sizeof(COMMANDS[0]);

int command_fail(int status, const char *format, ...)
{
	char text[2048], safe[3072];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fflush(stdout);
	fprintf(stderr, "heaptrail: %s\n", text_safe(safe, sizeof(safe), text, strlen(text)));
	return status;
}

const char *command_state_directory(const char *option)
{
	const char *environment = getenv("HEAPTRAIL_STATE_DIR");

	if (option)
		return option;
	return environment && environment[0] ? environment : STATE_DIRECTORY;
}

const char *command_cache_directory(const char *state_directory)
{
	static char path[PATH_MAX];

	if (strcmp(state_directory, STATE_DIRECTORY) == 0)
		return "/var/cache/heaptrail";
	snprintf(path, sizeof(path), "%s/cache", state_directory);
	return path;
}

int command_worker_failed(struct failure *failure, const char *subject)
{
	bool is_status = failure->exit_status > 0 && failure->exit_status < 126;

	failure->what[sizeof(failure->what) - 1] = 0;
	return command_fail(is_status ? failure->exit_status : EXIT_FAILED, "%s%s%s",
			    subject ? subject : "", subject ? ": " : "", failure->what);
}
