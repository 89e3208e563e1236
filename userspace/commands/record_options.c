// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/record_options.h"

#include "base/units.h"
#include "commands/command.h"
#include "keys/recipient.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

#define RING_DEFAULT (32u << 20)

enum option_key {
	KEY_DRY_RUN = 256,
	KEY_READY_FD,
	KEY_FREE_STACKS,
	KEY_MMAP,
	KEY_SAMPLED,
	KEY_BUFFER,
	KEY_COMM, /* in the order of enum select_kind */
	KEY_CGROUP,
	KEY_UNIT,
	KEY_CONTAINER,
	KEY_FOLLOW,
	KEY_NO_FOLLOW,
	KEY_FORCE,
	KEY_ALLOC_FN,
	KEY_FREE_FN,
	KEY_NO_CENSUS,
	KEY_TO,
	KEY_MAX_SIZE,
	KEY_SWITCH,
	KEY_MAX_FILES,
};

static const struct argp_option OPTIONS[] = {
	{ "pid", 'p', "PID[,PID...]", 0, "record these running processes", 1 },
	{ "all", 'a', NULL, 0, "record every process of this machine, those to come, too", 1 },
	{ "comm", KEY_COMM, "GLOB", 0, "record the processes that ps shows under such a name", 1 },
	{ "unit", KEY_UNIT, "NAME", 0, "record a systemd unit's processes", 1 },
	{ "cgroup", KEY_CGROUP, "PATH", 0, "record a control group's processes", 1 },
	{ "container", KEY_CONTAINER, "NAME|ID|PID", 0,
	  "record a container's processes: by its name (docker, podman, systemd), the beginning of its id, or the pid of "
	  "one of them",
	  1 },
	{ "follow", KEY_FOLLOW, NULL, 0,
	  "record children of these processes, too; default for all but -p", 1 },
	{ "no-follow", KEY_NO_FOLLOW, NULL, 0,
	  "record the command alone: then no other process pays for the probes", 1 },
	{ "duration", 'd', "TIME", 0,
	  "stop after 500ms, 10s, 5m, 2h; default: until ^C or their exit", 1 },
	{ "output", 'o', "FILE", 0,
	  "write the capture there; default: STATE/captures/<time>-<comm>-<pid>.heaptrail", 1 },
	{ "to", KEY_TO, "RECIPIENT", 0,
	  "let the holder of this age identity (age1..., also one of an age plugin) or SSH key (ssh-ed25519 AAAA...) open the "
	  "capture, too, "
	  "on any machine (report -i), without this host's audit log; may be given several times",
	  1 },
	{ "max-size", KEY_MAX_SIZE, "SIZE", 0,
	  "go on in another file, <name>.1.heaptrail and so on, when one has about SIZE (at least 64K); each can be "
	  "read alone",
	  1 },
	{ "switch-output", KEY_SWITCH, "TIME", 0, "the same when a file is so old", 1 },
	{ "max-files", KEY_MAX_FILES, "N", 0,
	  "of these files keep the newest N; that others are deleted is on record", 1 },
	{ "dry-run", KEY_DRY_RUN, NULL, 0, "print where probes would be put, and attach none", 2 },
	{ "free-stacks", KEY_FREE_STACKS, NULL, 0, "take the stacks of frees, too", 2 },
	{ "mmap", KEY_MMAP, NULL, 0,
	  "record mmap, munmap, mremap, brk and sbrk, too, where it is not the allocator that calls them",
	  2 },
	{ "sampled", KEY_SAMPLED, NULL, 0,
	  "record, instead of every allocation, the samples that targets tell of by themselves (USDT probes "
	  "otel_memory:alloc and free); sizes are then what a sample stands for",
	  2 },
	{ "buffer-size", KEY_BUFFER, "SIZE", 0,
	  "of the ring between kernel and recorder (default 32M)", 2 },
	{ "alloc-fn", KEY_ALLOC_FN, "FUNCTION[:size=argN,...]", 0,
	  "probe this function, too: NAME, FILE:NAME or FILE+0xOFFSET, then where it has what: size, count, "
	  "align and old (the block that is resized) are arg1 to arg6, result is ret or one of them. "
	  "Default: size=arg1,result=ret",
	  2 },
	{ "free-fn", KEY_FREE_FN, "FUNCTION[:ptr=argN]", 0,
	  "the same for a function that frees; default: ptr=arg1", 2 },
	{ "no-census", KEY_NO_CENSUS, NULL, 0,
	  "do not count the blocks that targets hold already, which takes reading their heaps", 2 },
	{ "force", KEY_FORCE, NULL, 0,
	  "record a target behind a seccomp filter even where the kernel may end it for that", 2 },
	{ "ready-fd", KEY_READY_FD, "N", 0,
	  "write a newline to descriptor N when the probes are live", 3 },
	{ "json", 'j', NULL, 0, "print the result as JSON", 3 },
	{ "state-dir", 'S', "DIR", 0, "keys, audit log and captures (default /var/lib/heaptrail)",
	  3 },
	{ 0 },
};

/* The text stays as it is: it may be sent on to the recording service. */
static void parse_pids(struct record_options *options, const char *list, struct argp_state *state)
{
	for (const char *item = list;; item++) {
		char *end;
		unsigned long pid = strtoul(item, &end, 10);
		if ((*end && *end != ',') || end == item || pid == 0 || pid > 1u << 30)
			argp_error(state, "not a pid: %.*s", (int)strcspn(item, ","), item);
		if (options->pid_count == PIDS_MAX)
			argp_error(state, "at most %d pids", PIDS_MAX);
		for (size_t i = 0; i < options->pid_count; i++)
			if (options->pids[i] == pid)
				pid = 0;
		if (pid)
			options->pids[options->pid_count++] = (uint32_t)pid;
		item = end;
		if (!*item)
			return;
	}
}

static void add_function(struct record_options *options, const char *text, bool is_free,
			 struct argp_state *state)
{
	const char *why;

	if (options->function_count == USER_FUNCTIONS_MAX)
		argp_error(state, "at most %d functions of your own", USER_FUNCTIONS_MAX);
	if (user_function_parse(text, is_free, &options->functions[options->function_count++],
				&why))
		argp_error(state, "--%s-fn %s: %s; try %s", is_free ? "free" : "alloc", text, why,
			   is_free ? "pool_put:ptr=arg1" : "pool_get:size=arg2,result=ret");
}

static void check_arguments(struct record_options *options, struct argp_state *state)
{
	int ways = (options->pid_count > 0) + (options->command != NULL) + options->sees_all +
		   (options->selected != NULL);

	if (ways != 1)
		argp_error(
			state,
			ways ? "one of -p, --comm, --unit, --cgroup, --container, -a and -- COMMAND"
			     : "what should be recorded? Give -p PID, -- COMMAND, or -a; see --help");
	options->follows = options->follow ? options->follow > 0 : !options->pid_count;
	if (options->ring_bytes < 65536 || options->ring_bytes > 1u << 30)
		argp_error(state, "--buffer-size: between 64K and 1G");
	while (options->ring_bytes & (options->ring_bytes - 1))
		options->ring_bytes += options->ring_bytes & -options->ring_bytes;
}

static void check_segments(const struct record_options *options, struct argp_state *state)
{
	if (options->segments.bytes_max && options->segments.bytes_max < 65536)
		argp_error(state, "--max-size: at least 64K");
	if (options->segments.age_max_ns && options->segments.age_max_ns < 1000000000)
		argp_error(state, "--switch-output: at least 1s");
	if (options->files_max && !options->segments.bytes_max && !options->segments.age_max_ns)
		argp_error(state, "--max-files: of what --max-size or --switch-output make");
}

static void add_recipient(struct record_options *options, const char *value,
			  struct argp_state *state)
{
	struct recipient recipient;

	/* not repeated: it may be an identity, which is a secret */
	if (recipient_parse(value, &recipient))
		argp_error(state,
			   "--to: not a recipient; one looks like age1... or ssh-ed25519 AAAA...");
	if (options->recipient_count == RECIPIENTS_MAX)
		argp_error(state, "too many recipients: at most %d", RECIPIENTS_MAX);
	recipient_format(&recipient, options->recipients[options->recipient_count++]);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct record_options *options = state->input;
	char *end;

	switch (key) {
	case 'p': parse_pids(options, value, state); return 0;
	case 'd':
		if (units_parse_duration(value, &options->duration_ns) || !options->duration_ns)
			argp_error(state, "not a duration: %s; try 10s or 5m", value);
		return 0;
	case 'o': options->output_path = value; return 0;
	case 'a': options->sees_all = true; return 0;
	case KEY_COMM:
	case KEY_CGROUP:
	case KEY_UNIT:
	case KEY_CONTAINER:
		if (options->selected)
			argp_error(state, "one of --comm, --unit, --cgroup and --container");
		options->selects = SELECT_COMM + (enum select_kind)(key - KEY_COMM);
		options->selected = value;
		return 0;
	case KEY_FOLLOW: options->follow = 1; return 0;
	case KEY_NO_FOLLOW: options->follow = -1; return 0;
	case 'j': options->is_json = true; return 0;
	case 'S': options->state_directory = value; return 0;
	case KEY_DRY_RUN: options->is_dry_run = true; return 0;
	case KEY_FREE_STACKS: options->has_free_stacks = true; return 0;
	case KEY_MMAP: options->has_mappings = true; return 0;
	case KEY_SAMPLED: options->has_points = true; return 0;
	case KEY_BUFFER:
		if (units_parse_size(value, &options->ring_bytes))
			argp_error(state, "not a size: %s; try 64M", value);
		return 0;
	case KEY_NO_CENSUS: options->has_no_census = true; return 0;
	case KEY_TO: add_recipient(options, value, state); return 0;
	case KEY_FORCE: options->is_forced = true; return 0;
	case KEY_ALLOC_FN: add_function(options, value, false, state); return 0;
	case KEY_FREE_FN: add_function(options, value, true, state); return 0;
	case KEY_READY_FD: options->ready_fd = atoi(value); return 0;
	case ARGP_KEY_ARGS:
		options->command = state->argv + state->next;
		state->next = state->argc;
		return 0;
	case KEY_MAX_SIZE:
		if (units_parse_size(value, &options->segments.bytes_max) ||
		    !options->segments.bytes_max)
			argp_error(state, "not a size: %s; try 100M", value);
		return 0;
	case KEY_SWITCH:
		if (units_parse_duration(value, &options->segments.age_max_ns) ||
		    !options->segments.age_max_ns)
			argp_error(state, "not a duration: %s; try 5m", value);
		return 0;
	case KEY_MAX_FILES:
		options->files_max = strtoul(value, &end, 10);
		if (*end || options->files_max == 0 || options->files_max > FILES_MAX)
			argp_error(state, "--max-files: between 1 and %d", FILES_MAX);
		return 0;
	case ARGP_KEY_END:
		check_arguments(options, state);
		check_segments(options, state);
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"-p PID[,PID...]\n--comm GLOB | --unit NAME | --cgroup PATH | --container NAME\n-a\n-- COMMAND [ARG...]",
	"Records every allocation and every free of running processes, with their call stacks, into a capture "
	"that only this host's vault, and whom --to names, can open. The target is not restarted and not stopped."
	"\vThe capture's path is the last line on standard output. Exit status: 0 done, 3 no such process, 4 "
	"rights or kernel support missing, 5 recorded but events were lost.",
	NULL,
	NULL,
	NULL
};

void record_options_parse(struct record_options *options, int argc, char **argv)
{
	*options = (struct record_options) { .ready_fd = -1, .ring_bytes = RING_DEFAULT };
	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, ARGP_IN_ORDER, NULL, options);
	options->state_directory = command_state_directory(options->state_directory);
}
