// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/log.h"
#include "base/text.h"
#include "commands/command.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct argp_option OPTIONS[] = {
	{ "json", 'j', NULL, 0, "print the records as they are in the log", 0 },
	{ "state-dir", 'S', "DIR", 0, "where the log is (default /var/lib/heaptrail)", 0 },
	{ 0 },
};

struct arguments {
	const char *verb, *state_directory;
	bool is_json;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'j': arguments->is_json = true; return 0;
	case 'S': arguments->state_directory = value; return 0;
	case ARGP_KEY_ARG:
		if (arguments->verb || (strcmp(value, "show") != 0 && strcmp(value, "verify") != 0))
			argp_error(state, "show or verify?");
		arguments->verb = value;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->verb)
			argp_error(state, "show or verify?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"show|verify",
	"The record of every recording and every opening: who, what, why. `verify' "
	"checks that no record was changed, removed or put elsewhere.",
	NULL,
	NULL,
	NULL
};

static const char *string_of(const json_t *record, const char *outer, const char *field)
{
	const json_t *object = outer ? json_object_get(record, outer) : record;
	const char *value = json_string_value(json_object_get(object, field));

	return value ? value : "";
}

static void print_record(const char *line, size_t size)
{
	json_t *record = json_loadb(line, size, 0, NULL);
	char safe[600];

	if (!record) {
		printf("(not a record) %s\n", text_safe(safe, sizeof(safe), line, size));
		return;
	}
	const json_t *subject = json_object_get(record, "subj");
	const char *why = string_of(record, NULL, "why");
	printf("%.19s  %-14s %-7s uid %-5" JSON_INTEGER_FORMAT " pid %-7" JSON_INTEGER_FORMAT
	       " %.12s",
	       string_of(record, NULL, "t"), string_of(record, NULL, "op"),
	       string_of(record, NULL, "res"), json_integer_value(json_object_get(subject, "uid")),
	       json_integer_value(json_object_get(subject, "pid")),
	       string_of(record, "obj", "cap"));
	if (*why)
		printf("  %s", text_safe(safe, sizeof(safe), why, strlen(why)));
	putchar('\n');
	json_decref(record);
}

static void visit(void *context, const char *line, size_t size)
{
	const struct arguments *arguments = context;

	if (strcmp(arguments->verb, "show") != 0)
		return;
	if (arguments->is_json)
		printf("%.*s\n", (int)size, line);
	else
		print_record(line, size);
}

int audit_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct audit_verdict verdict;
	char path[512];

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	snprintf(path, sizeof(path), "%s/audit",
		 command_state_directory(arguments.state_directory));
	int err = audit_log_read(path, visit, &arguments, &verdict);
	if (err == -EACCES)
		return command_fail(EXIT_PERMISSION,
				    "%s: you may not read the audit log; run as root", path);
	if (err == -ENOENT)
		return command_fail(EXIT_FAILED,
				    "%s: there is no audit log yet; the first recording makes it",
				    path);
	if (err)
		return command_fail(EXIT_FAILED, "%s: the audit log cannot be read: %s", path,
				    strerror(-err));
	if (!verdict.is_intact)
		return command_fail(EXIT_INTEGRITY, "%s: the audit log is not intact: %s", path,
				    verdict.reason);
	if (strcmp(arguments.verb, "verify") == 0)
		printf("%" PRIu64 " records, intact\n", verdict.records);
	return EXIT_DONE;
}
