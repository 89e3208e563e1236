// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/log.h"
#include "base/text.h"
#include "commands/command.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct argp_option OPTIONS[] = {
	{ "json", 'j', NULL, 0, "print the records as they are in the log", 0 },
	{ "last", 'n', "N", 0, "show only the last N lines", 0 },
	{ "state-dir", 'S', "DIR", 0, "where the log is (default /var/lib/heaptrail)", 0 },
	{ 0 },
};

struct arguments {
	const char *verb, *state_directory;
	bool is_json, has_last;
	uint64_t last;	/* how many lines to show */
	uint64_t first; /* number of the first one to show */
	uint64_t line;	/* number of the one that is shown */
};

static error_t parse_count(struct argp_state *state, const char *text, uint64_t *count)
{
	char *end;

	errno = 0;
	*count = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		argp_error(state, "-n %s: is not a number", text);
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'j': arguments->is_json = true; return 0;
	case 'n': arguments->has_last = true; return parse_count(state, value, &arguments->last);
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

/* What a crash left of a record. It may be any bytes. */
static void print_damaged(const struct arguments *arguments, const char *line, size_t size)
{
	char safe[600];

	text_safe(safe, sizeof(safe), line, size);
	if (!arguments->is_json) {
		printf("(not a record) %s\n", safe);
		return;
	}
	json_t *damaged = json_pack("{s:I, s:s}", "damaged_line", (json_int_t)arguments->line,
				    "text", safe);
	if (damaged)
		json_dumpf(damaged, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(damaged);
}

static void print_record(const struct arguments *arguments, const char *line, size_t size)
{
	/* inode numbers may use all 64 bits, which is more than the library's integers have */
	json_t *record = json_loadb(line, size, JSON_DECODE_INT_AS_REAL, NULL);
	char safe[600];

	if (!json_is_object(record)) {
		json_decref(record);
		print_damaged(arguments, line, size);
		return;
	}
	const json_t *subject = json_object_get(record, "subj");
	const char *why = string_of(record, NULL, "why");
	printf("%.19s  %-14s %-7s uid %-5.0f pid %-7.0f %.12s", string_of(record, NULL, "t"),
	       string_of(record, NULL, "op"), string_of(record, NULL, "res"),
	       json_number_value(json_object_get(subject, "uid")),
	       json_number_value(json_object_get(subject, "pid")), string_of(record, "obj", "cap"));
	if (*why)
		printf("  %s", text_safe(safe, sizeof(safe), why, strlen(why)));
	putchar('\n');
	json_decref(record);
}

static void show(void *context, const char *line, size_t size)
{
	struct arguments *arguments = context;

	if (++arguments->line < arguments->first)
		return;
	if (!audit_record_is(line, size))
		print_damaged(arguments, line, size);
	else if (arguments->is_json)
		printf("%.*s\n", (int)size, line);
	else
		print_record(arguments, line, size);
}

static int fail_to_read(const char *path, int err)
{
	if (err == -EACCES)
		return command_fail(EXIT_PERMISSION,
				    "%s: you may not read the audit log; run as root", path);
	if (err == -ENOENT)
		return command_fail(EXIT_FAILED,
				    "%s: there is no audit log yet; the first recording makes it",
				    path);
	return command_fail(EXIT_FAILED, "%s: the audit log cannot be read: %s", path,
			    strerror(-err));
}

/* Verified first, so that -n knows the end; then shown. */
static int read_log(const char *path, struct arguments *arguments, struct audit_verdict *verdict)
{
	int err = audit_log_read(path, NULL, NULL, verdict);
	uint64_t lines = verdict->records + verdict->torn;

	if (err || strcmp(arguments->verb, "show") != 0)
		return err;
	arguments->first = arguments->has_last && arguments->last < lines
				   ? lines - arguments->last + 1
				   : 0;
	return audit_log_read(path, show, arguments, verdict);
}

static void print_verdict(const struct audit_verdict *verdict)
{
	printf("%" PRIu64 " records, intact", verdict->records);
	if (verdict->torn)
		printf("; %" PRIu64 " damaged or unfinished lines, each noted by the next record",
		       verdict->torn);
	putchar('\n');
}

int audit_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct audit_verdict verdict;
	char path[PATH_MAX];

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	const char *directory = command_state_directory(arguments.state_directory);
	if (snprintf(path, sizeof(path), "%s/audit", directory) >= (int)sizeof(path))
		return command_fail(EXIT_MISUSED, "--state-dir: the path is too long");
	int err = read_log(path, &arguments, &verdict);
	if (err)
		return fail_to_read(path, err);
	if (!verdict.is_intact)
		return command_fail(EXIT_INTEGRITY, "%s: the audit log is not intact: %s", path,
				    verdict.reason);
	if (strcmp(arguments.verb, "verify") == 0)
		print_verdict(&verdict);
	return EXIT_DONE;
}
