// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/filter_options.h"

#include "base/suppressions.h"
#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_key {
	KEY_PID = 512,
	KEY_THREAD,
	KEY_SIZE,
	KEY_TIME,
	KEY_FUNCTION,
	KEY_MODULE,
	KEY_AGE,
	KEY_ADDRESS,
	KEY_AT_PEAK,
	KEY_SUPPRESSIONS,
	KEY_NOT_FUNCTION,
	KEY_NOT_MODULE,
	KEY_PROCESS,
	KEY_ALLOCATOR,
	KEY_LIVE,
	KEY_HOLDING,
	KEY_TAG,
	KEY_CGROUP
};

static const struct argp_option OPTIONS[] = {
	{ NULL, 0, NULL, 0, "Only blocks, from their allocation on, ", 5 },
	{ "pid", KEY_PID, "PID", 0, "of this process", 5 },
	{ "process", KEY_PROCESS, "PATTERN", 0,
	  "of a process with such a name, or such an executable's", 5 },
	{ "thread", KEY_THREAD, "PATTERN", 0,
	  "allocated by a thread with such a name; * and ? stand for any", 5 },
	{ "size", KEY_SIZE, "MIN[-MAX]", 0, "of such a size, as asked for: 1M, 100-200, 4K-", 5 },
	{ "time", KEY_TIME, "FROM[-TO]", 0,
	  "allocated in that part of the recording, as it was at its end: 10s-20s, 1m-, or between "
	  "moments that the program told of: @loaded.., @loaded..@ready, @loaded..20s",
	  5 },
	{ "at-peak", KEY_AT_PEAK, NULL, 0, "as it was when most was live", 5 },
	{ "live", KEY_LIVE, NULL, 0, "that are live then, or at the end", 5 },
	{ "age", KEY_AGE, "MIN[-MAX]", 0,
	  "allocated so long before the end of the recording: 30s-, 1m-5m", 5 },
	{ "suppressions", KEY_SUPPRESSIONS, "FILE", 0,
	  "whose stack none of these suppressions names; the format is LeakSanitizer's", 5 },
	{ "address", KEY_ADDRESS, "ADDRESS", 0, "that began there", 5 },
	{ "holding", KEY_HOLDING, "ADDRESS", 0,
	  "in which it is; with `report --events' what became of each", 5 },
	{ "function", KEY_FUNCTION, "PATTERN", 0, "whose stack has such a function", 5 },
	{ "module", KEY_MODULE, "PATTERN", 0,
	  "whose stack has a function of such a file: 'libssl*'", 5 },
	{ "not-function", KEY_NOT_FUNCTION, "PATTERN", 0, "whose stack has no such function", 5 },
	{ "not-module", KEY_NOT_MODULE, "PATTERN", 0, "whose stack has no function of such a file",
	  5 },
	{ "allocator", KEY_ALLOCATOR, "PATTERN", 0,
	  "that such a function returned: realloc, 'pool_*'", 5 },
	{ "cgroup", KEY_CGROUP, "PATTERN", 0,
	  "of a process in such a control group, or one below it: '/system.slice/redis*'", 5 },
	{ "tag", KEY_TAG, "PATTERN", 0,
	  "that the program gave such a tag, or one below it: render, '*/textures'", 5 },
	{ 0 },
};

static json_t *filter_of(struct filter_options *options)
{
	if (!options->filter)
		options->filter = json_object();
	return options->filter;
}

static void set_number(struct filter_options *options, const char *name, uint64_t value)
{
	json_object_set_new(filter_of(options), name,
			    json_integer((json_int_t)(value & INT64_MAX)));
}

/* "A", "A-" and "A-B": both ends, of which the second is exclusive of nothing. */
static void set_range(struct filter_options *options, char *text,
		      int (*parse)(const char *text, uint64_t *value), const char *low,
		      const char *high, struct argp_state *state)
{
	char *dash = strchr(text, '-');
	uint64_t from = 0, to = 0;

	if (dash)
		*dash = 0;
	if ((*text && parse(text, &from)) || (!*text && !dash) ||
	    (dash && dash[1] && parse(dash + 1, &to)))
		argp_error(state, "not a range: %s%s%s", text, dash ? "-" : "",
			   dash ? dash + 1 : "");
	if (dash && dash[1] && to < from)
		argp_error(state, "a range that ends before it begins: %s-%s", text, dash + 1);
	set_number(options, low, from);
	if (dash && dash[1])
		set_number(options, high, to);
}

static void set_text(struct filter_options *options, const char *name, const char *text,
		     struct argp_state *state)
{
	/* what is left out would let everything pass */
	if (json_object_set_new(filter_of(options), name, json_string(text)))
		argp_error(state, "not UTF-8, in which ? stands for any byte that is not: %s",
			   text);
}

/* "@NAME", or a time. */
static void set_moment(struct filter_options *options, const char *text, const char *mark,
		       const char *time, struct argp_state *state)
{
	uint64_t value;

	if (*text == '@' && text[1])
		set_text(options, mark, text + 1, state);
	else if (units_parse_duration(text, &value))
		argp_error(state, "neither a time nor a moment (@NAME): %s", text);
	else
		set_number(options, time, value);
}

/* "A..", "A..B" and "..B", as names have dashes. */
static void set_moments(struct filter_options *options, char *text, struct argp_state *state)
{
	char *dots = strstr(text, "..");

	if (dots)
		*dots = 0;
	if (*text)
		set_moment(options, text, "from_mark", "from_ns", state);
	if (dots && dots[2])
		set_moment(options, dots + 2, "to_mark", "to_ns", state);
}

void filter_options_set_time(struct filter_options *options, char *text, struct argp_state *state)
{
	if (strchr(text, '@'))
		set_moments(options, text, state);
	else
		set_range(options, text, units_parse_duration, "from_ns", "to_ns", state);
}

static void read_suppressions(struct filter_options *options, const char *path,
			      struct argp_state *state)
{
	static char text[SUPPRESSIONS_TEXT_MAX], patterns[SUPPRESSIONS_TEXT_MAX];
	const char *why;
	FILE *file = fopen(path, "re");

	if (!file)
		argp_error(state, "--suppressions %s: %s", path, strerror(errno));
	size_t size = fread(text, 1, sizeof(text), file);
	bool is_cut = size == sizeof(text) || ferror(file);
	fclose(file);
	text[is_cut ? 0 : size] = 0;
	unsigned line = suppressions_parse(text, patterns, sizeof(patterns), &why);
	if (is_cut)
		argp_error(state, "--suppressions %s: cannot be read, or is larger than 16 KiB",
			   path);
	if (line)
		argp_error(state, "%s, line %u: %s", path, line, why);
	if (patterns[0])
		set_text(options, "suppressed", patterns, state);
}

static void set_address(struct filter_options *options, const char *name, const char *text,
			struct argp_state *state)
{
	char *end;
	unsigned long long address = strtoull(text, &end, 16);

	if (*end || end == text || !address || address > INT64_MAX)
		argp_error(state, "not an address: %s; one looks like 0x55d0c8a1f2a0", text);
	set_number(options, name, address);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct filter_options *options = state->input;
	char *end;

	switch (key) {
	case KEY_PID: {
		unsigned long pid = strtoul(value, &end, 10);
		if (*end || end == value || !pid || pid > 1u << 30)
			argp_error(state, "not a pid: %s", value);
		set_number(options, "pid", pid);
		return 0;
	}
	case KEY_THREAD: set_text(options, "thread", value, state); return 0;
	case KEY_FUNCTION: set_text(options, "function", value, state); return 0;
	case KEY_MODULE: set_text(options, "module", value, state); return 0;
	case KEY_NOT_FUNCTION: set_text(options, "not_function", value, state); return 0;
	case KEY_NOT_MODULE: set_text(options, "not_module", value, state); return 0;
	case KEY_PROCESS: set_text(options, "process", value, state); return 0;
	case KEY_ALLOCATOR: set_text(options, "allocator", value, state); return 0;
	case KEY_CGROUP: set_text(options, "cgroup", value, state); return 0;
	case KEY_TAG: set_text(options, "tag", value, state); return 0;
	case KEY_LIVE: set_number(options, "live", 1); return 0;
	case KEY_ADDRESS: set_address(options, "address", value, state); return 0;
	case KEY_HOLDING: set_address(options, "holding", value, state); return 0;
	case KEY_AT_PEAK: set_number(options, "at_peak", 1); return 0;
	case KEY_AGE:
		set_range(options, value, units_parse_duration, "age_min_ns", "age_max_ns", state);
		return 0;
	case KEY_SUPPRESSIONS: read_suppressions(options, value, state); return 0;
	case KEY_SIZE:
		set_range(options, value, units_parse_size, "size_min", "size_max", state);
		return 0;
	case KEY_TIME: filter_options_set_time(options, value, state); return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp FILTER_ARGP = { OPTIONS, parse, NULL, NULL, NULL, NULL, NULL };
