// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/read.h"
#include "base/io.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/host_key.h"
#include "commands/identity.h"
#include "commands/unlock.h"
#include "keys/auditors.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#define FILE_MAX 16384 /* bytes of a key or a checkpoint */

static const struct argp_option OPTIONS[] = {
	{ "json", 'j', NULL, 0, "print the records as they are in the log, or the verdict as JSON",
	  0 },
	{ "last", 'n', "N", 0, "show only the last N lines", 0 },
	{ "identity", 'i', "FILE", 0,
	  "an auditor's age identity, which may be under a passphrase (age -p): check the MAC of each record, too",
	  0 },
	{ "checkpoint", 'c', "FILE", 0, "the log must begin with what this checkpoint signs", 0 },
	{ "from", 'f', "SEGMENT", 0, "begin there: segments before it are kept elsewhere", 0 },
	{ "log", 'l', "DIR", 0,
	  "the log's directory, for a copy (default audit/ in the state directory)", 0 },
	{ "host-key", 'k', "FILE", 0,
	  "the host's public key, for a copy (default keys/host.pub in the state directory)", 0 },
	{ "state-dir", 'S', "DIR", 0, "where the log is (default /var/lib/heaptrail)", 0 },
	{ 0 },
};

struct arguments {
	const char *verb, *state_directory, *log, *identity_path, *checkpoint_path, *host_key_path;
	bool is_json, has_last;
	uint64_t last;	/* how many lines to show */
	uint64_t first; /* number of the first one to show */
	uint64_t line;	/* number of the one that is shown */
	uint64_t from;	/* segment; 0: the first */
	uint8_t identity[32];
};

static const char *const VERBS[] = { "show", "follow", "verify", "checkpoint" };

static error_t parse_count(struct argp_state *state, const char *text, uint64_t *count)
{
	char *end;

	errno = 0;
	*count = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		argp_error(state, "%s: is not a number", text);
	return 0;
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'j': arguments->is_json = true; return 0;
	case 'n': arguments->has_last = true; return parse_count(state, value, &arguments->last);
	case 'i': arguments->identity_path = value; return 0;
	case 'c': arguments->checkpoint_path = value; return 0;
	case 'f': return parse_count(state, value, &arguments->from);
	case 'l': arguments->log = value; return 0;
	case 'k': arguments->host_key_path = value; return 0;
	case 'S': arguments->state_directory = value; return 0;
	case ARGP_KEY_ARG:
		for (size_t i = 0; i < sizeof(VERBS) / sizeof(VERBS[0]) && !arguments->verb; i++)
			if (strcmp(value, VERBS[i]) == 0) {
				arguments->verb = value;
				return 0;
			}
		argp_error(state, "show, follow, verify or checkpoint?");
		return 0;
	case ARGP_KEY_END:
		if (!arguments->verb)
			argp_error(state, "show, follow, verify or checkpoint?");
		if (arguments->from > 1 && arguments->checkpoint_path)
			argp_error(state, "--checkpoint: needs the log from its first segment on");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child CHILDREN[] = { { &UNLOCK_ARGP, 0, NULL, 0 }, { 0 } };

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"show|follow|verify|checkpoint",
	"The record of every recording and every opening: who, what, why. `follow' goes on as records come. `verify' "
	"checks that no record was changed, removed or put elsewhere. `checkpoint' prints the last signed checkpoint: "
	"kept on another machine, it proves later that nothing before it was changed.",
	CHILDREN,
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

static void show(void *context, const struct audit_line *line)
{
	struct arguments *arguments = context;

	if (++arguments->line < arguments->first)
		return;
	if (!line->is_record)
		print_damaged(arguments, line->text, line->kept);
	else if (arguments->is_json)
		printf("%.*s\n", (int)line->kept, line->text);
	else
		print_record(arguments, line->text, line->kept);
}

static int fail_to_read(const char *path, int err)
{
	if (err == -EACCES)
		return command_fail(
			EXIT_PERMISSION,
			"%s: you may not read the audit log; run as root (what you have "
			"opened with an identity of yours: -S ~/.local/state/heaptrail)",
			path);
	if (err == -ENOENT)
		return command_fail(EXIT_FAILED,
				    "%s: there is no audit log yet; the first recording makes it",
				    path);
	return command_fail(EXIT_FAILED, "%s: the audit log cannot be read: %s", path,
			    strerror(-err));
}

/* --- what verification needs: small files, that someone names --- */

/* The text of a small file, which the caller frees; NULL after a message. */
static char *load(const char *path, const char *what)
{
	char *text = NULL;
	size_t size;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err = fd < 0 ? -errno : io_read_all(fd, FILE_MAX, &text, &size);

	io_close(&fd);
	if (err)
		command_fail(EXIT_FAILED, "%s: %s cannot be read: %s", path, what, strerror(-err));
	return err ? NULL : text;
}

/* Without the file, signatures by the host are not checked, unless someone asked for it. */
static bool load_host_key(const struct arguments *arguments, uint8_t key[static 32], bool *is_there)
{
	const char *path = arguments->host_key_path;
	char default_path[PATH_MAX];

	*is_there = false;
	if (!path) {
		snprintf(default_path, sizeof(default_path), "%s/keys/host.pub",
			 command_state_directory(arguments->state_directory));
		path = default_path;
		if (arguments->log || access(path, R_OK))
			return true;
	}
	*is_there = host_key_load(path, key);
	return *is_there;
}

static bool load_checkpoint(const char *path, const uint8_t *host_pk,
			    struct audit_checkpoint *checkpoint)
{
	if (!host_pk) {
		command_fail(EXIT_MISUSED,
			     "--checkpoint: needs the host's public key, --host-key FILE");
		return false;
	}
	char *text = load(path, "the checkpoint");
	if (!text)
		return false;
	int err = audit_checkpoint_parse(text, host_pk, checkpoint);
	free(text);
	if (err)
		command_fail(err == -EKEYREJECTED ? EXIT_INTEGRITY : EXIT_FAILED, "%s: %s", path,
			     err == -EKEYREJECTED ? "is not signed by this host's key"
						  : "is not a checkpoint of an audit log");
	return !err;
}

static int unwrap(void *context, const char *wrapped, uint8_t key[static AUDIT_KEY_BYTES])
{
	const struct arguments *arguments = context;

	return auditors_unwrap(arguments->identity, wrapped, key);
}

static void print_verdict(const struct arguments *arguments, const struct audit_verdict *verdict)
{
	if (arguments->is_json) {
		json_t *json = json_pack(
			"{s:b, s:s*, s:I, s:I, s:I, s:I, s:I, s:b}", "intact", verdict->is_intact,
			"reason", verdict->is_intact ? NULL : verdict->reason, "segments",
			(json_int_t)verdict->segments, "records", (json_int_t)verdict->records,
			"torn", (json_int_t)verdict->torn, "sealed", (json_int_t)verdict->sealed,
			"clock_set_back", (json_int_t)verdict->set_back, "end_known",
			verdict->is_end_known);
		if (json)
			json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
		json_decref(json);
		return;
	}
	printf("%" PRIu64 " records, intact", verdict->records);
	if (verdict->torn)
		printf("; %" PRIu64 " damaged or unfinished lines, each noted by the next record",
		       verdict->torn);
	if (verdict->set_back)
		printf("; the clock was set back %" PRIu64 " times, first by %" PRIu64
		       " s before record %" PRIu64,
		       verdict->set_back, verdict->set_back_s, verdict->set_back_at);
	if (arguments->checkpoint_path)
		printf("; begins as the checkpoint says");
	if (!verdict->is_end_known)
		printf("; nothing here tells whether records were cut off at the end");
	if (!arguments->identity_path)
		printf("; MACs were not checked (--identity)");
	else if (verdict->sealed < verdict->records)
		printf("; %" PRIu64 " of them from before there was an auditor, MACs not checked",
		       verdict->records - verdict->sealed);
	else
		printf("; every MAC is right");
	putchar('\n');
}

static int verify(struct arguments *arguments, const char *path)
{
	struct audit_reading reading = { .context = arguments, .first_segment = arguments->from };
	struct audit_checkpoint checkpoint;
	struct audit_verdict verdict;
	uint8_t host_pk[32];
	bool has_host;

	if (!load_host_key(arguments, host_pk, &has_host))
		return EXIT_FAILED;
	reading.host_pk = has_host ? host_pk : NULL;
	if (arguments->identity_path) {
		if (!identity_load(arguments->identity_path, arguments->identity))
			return EXIT_FAILED;
		reading.unwrap = unwrap;
	}
	if (arguments->checkpoint_path) {
		if (!load_checkpoint(arguments->checkpoint_path, reading.host_pk, &checkpoint))
			return EXIT_INTEGRITY;
		reading.checkpoint = &checkpoint;
	}
	int err = audit_log_read(path, &reading, &verdict);
	sodium_memzero(arguments->identity, sizeof(arguments->identity));
	if (err)
		return fail_to_read(path, err);
	if (verdict.is_intact || arguments->is_json)
		print_verdict(arguments, &verdict);
	return verdict.is_intact
		       ? EXIT_DONE
		       : command_fail(EXIT_INTEGRITY, "%s: the audit log is not intact: %s", path,
				      verdict.reason);
}

/* Read twice, so that -n knows the end. */
static int show_log(struct arguments *arguments, const char *path)
{
	struct audit_reading reading = { .first_segment = arguments->from };
	struct audit_verdict verdict;
	int err = audit_log_read(path, &reading, &verdict);

	if (err)
		return fail_to_read(path, err);
	uint64_t lines = verdict.records + verdict.torn;
	if (arguments->has_last && arguments->last < lines)
		arguments->first = lines - arguments->last + 1;
	reading.visit = show;
	reading.context = arguments;
	err = audit_log_read(path, &reading, &verdict);
	if (err)
		return fail_to_read(path, err);
	return verdict.is_intact
		       ? EXIT_DONE
		       : command_fail(EXIT_INTEGRITY, "%s: the audit log is not intact: %s", path,
				      verdict.reason);
}

/* Shows the lines that are new, whenever something in the directory changes; until interrupted. */
static int follow_log(struct arguments *arguments, const char *path)
{
	char events[4096];
	int watch = inotify_init1(IN_CLOEXEC);

	if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY | IN_MOVED_TO | IN_CREATE) < 0) {
		int err = -errno;
		io_close(&watch);
		return fail_to_read(path, err);
	}
	for (;;) {
		int status = show_log(arguments, path);
		fflush(stdout);
		if (status != EXIT_DONE || ferror(stdout)) {
			io_close(&watch);
			return status;
		}
		arguments->first = arguments->line + 1;
		arguments->has_last = false;
		arguments->line = 0;
		if (read(watch, events, sizeof(events)) < 0 && errno != EINTR)
			break;
	}
	io_close(&watch);
	return EXIT_FAILED;
}

static int print_checkpoint(const struct arguments *arguments, const char *path)
{
	char file[PATH_MAX], verifier[AUDIT_VERIFIER_MAX];
	struct audit_checkpoint checkpoint;
	uint8_t host_pk[32];
	bool has_host;

	if (snprintf(file, sizeof(file), "%s/" AUDIT_CHECKPOINT_NAME, path) >= (int)sizeof(file))
		return command_fail(EXIT_MISUSED, "--log: the path is too long");
	if (!load_host_key(arguments, host_pk, &has_host))
		return EXIT_FAILED;
	char *text = load(file, "the checkpoint");
	if (!text)
		return EXIT_FAILED;
	int err = has_host ? audit_checkpoint_parse(text, host_pk, &checkpoint) : 0;
	if (!err) {
		fputs(text, stdout);
		if (has_host)
			fprintf(stderr, "verifier key: %s\n",
				audit_checkpoint_verifier(host_pk, verifier));
	}
	free(text);
	return err ? command_fail(EXIT_INTEGRITY, "%s: is not signed by this host's key", file)
		   : EXIT_DONE;
}

int audit_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	char path[PATH_MAX];

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	if (sodium_init() < 0)
		return command_fail(EXIT_FAILED, "libsodium does not start");
	const char *directory = command_state_directory(arguments.state_directory);
	if (snprintf(path, sizeof(path), "%s%s", arguments.log ? arguments.log : directory,
		     arguments.log ? "" : "/audit") >= (int)sizeof(path))
		return command_fail(EXIT_MISUSED, "the path of the log is too long");
	switch (*arguments.verb) {
	case 's': return show_log(&arguments, path);
	case 'f': return follow_log(&arguments, path);
	case 'v': return verify(&arguments, path);
	default: return print_checkpoint(&arguments, path);
	}
}
