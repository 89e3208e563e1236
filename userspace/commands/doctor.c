// SPDX-License-Identifier: GPL-2.0-or-later
/* What this machine can do. Each check tries the thing itself, and says what follows for the user.
 */
#include "commands/command.h"
#include "commands/doctor.h"
#include "commands/doctor_permissions.h"
#include "commands/doctor_workers.h"

#include <argp.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum option_key {
	KEY_WORKERS = 256,
	KEY_PERMISSIONS,
};

static const struct argp_option OPTIONS[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ "workers", KEY_WORKERS, "PID", 0,
	  "what the workers of the command with this pid may do, as the kernel says", 0 },
	{ "permissions", KEY_PERMISSIONS, NULL, 0,
	  "who could read or change captures, keys, log and programs; exit status 4 if somebody could",
	  0 },
	{ "state-dir", 'S', "DIR", 0, "keys, audit log and captures (default /var/lib/heaptrail)",
	  0 },
	{ 0 },
};

struct arguments {
	bool is_json, has_permissions;
	const char *state_directory, *workers;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'j': arguments->is_json = true; return 0;
	case 'S': arguments->state_directory = value; return 0;
	case KEY_PERMISSIONS: arguments->has_permissions = true; return 0;
	case KEY_WORKERS: arguments->workers = value; return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp ARGP = {
	OPTIONS,
	parse,
	NULL,
	"What this machine can do, and what to do about what it cannot. Everything is tried; nothing is changed."
	"\vExit status: 0 everything that recording needs is there, 4 something is missing.",
	NULL,
	NULL,
	NULL
};

static const char *const STATES[] = {
	[DOCTOR_OK] = "ok", [DOCTOR_LIMITED] = "limited", [DOCTOR_MISSING] = "missing"
};

static void print_finding(const struct doctor_check *check, const struct finding *finding)
{
	printf("%-8s %-9s %s\n", STATES[finding->state], check->name, finding->seen);
	if (finding->state != DOCTOR_OK)
		printf("%-18s %s\n", "", check->remedy);
}

int doctor_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	int status = EXIT_DONE;

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	if (arguments.workers)
		return doctor_workers(arguments.workers, arguments.is_json);
	if (arguments.has_permissions)
		return doctor_permissions(command_state_directory(arguments.state_directory),
					  arguments.is_json);
	json_t *list = json_array();
	for (size_t i = 0; i < DOCTOR_CHECK_COUNT; i++) {
		const struct doctor_check *check = &DOCTOR_CHECKS[i];
		struct finding finding = { .state_directory = command_state_directory(
						   arguments.state_directory) };
		check->run(&finding);
		if (finding.state == DOCTOR_MISSING)
			status = EXIT_PERMISSION;
		if (!arguments.is_json)
			print_finding(check, &finding);
		json_array_append_new(
			list, json_pack("{s:s, s:b, s:s, s:s, s:s}", "check", check->name, "ok",
					finding.state == DOCTOR_OK, "state", STATES[finding.state],
					"seen", finding.seen, "remedy",
					finding.state == DOCTOR_OK ? "" : check->remedy));
	}
	if (arguments.is_json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(list);
	return status;
}
