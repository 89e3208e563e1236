// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"
#include "base/units.h"
#include "commands/capture_options.h"
#include "commands/command.h"
#include "commands/report_events.h"
#include "commands/report_fields.h"
#include "commands/report_figures.h"
#include "commands/report_heaps.h"
#include "commands/report_stacks.h"
#include "commands/report_verdict.h"
#include "commands/terminal.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_TABLE	    20
#define ROWS_JSON	    10000
#define HOTSPOTS_DEFAULT    5
#define CONDITION_COLUMNS   60
#define NOTES_SHOWN_MAX	    5
#define TARGETS_SHOWN_MAX   3
#define PROCESSES_SHOWN_MAX 20
#define PEAK_MIN	    (1u << 20)

enum option_key {
	KEY_TREE = 256,
	KEY_BOTTOM_UP,
	KEY_COLOR,
	KEY_NO_PAGER,
	KEY_BY,
	KEY_HISTOGRAMS,
	KEY_PEEK,
	KEY_HOTSPOTS,
	KEY_EVENTS,
	KEY_LIMIT
};

#define WAY_NAMES "function, module, thread, thread-name, executable, cgroup, allocator or tag"
#define SORT_NAMES \
	"live (default), blocks, peak, most-blocks, allocated, count, temporary, grown or growth"

static const struct argp_option OPTIONS[] = {
	{ "sort", 's', "KEY", 0, SORT_NAMES, 0 },
	{ "tree", KEY_TREE, NULL, 0, "the call tree instead of the table", 0 },
	{ "bottom-up", KEY_BOTTOM_UP, NULL, 0,
	  "the tree from the functions that allocate to their callers", 0 },
	{ "by", KEY_BY, "WHAT", 0, "a table by " WAY_NAMES " instead of by stack", 0 },
	{ "peek", KEY_PEEK, "PATTERN", 0,
	  "functions of such a name, with their callers and callees, instead of the table", 0 },
	{ "hotspots", KEY_HOTSPOTS, NULL, 0,
	  "four short tables instead of one: most bytes and most blocks, at one time and at the end",
	  0 },
	{ "events", KEY_EVENTS, NULL, 0,
	  "what happened to the blocks, call by call: the last --limit of it", 0 },
	{ "histograms", KEY_HISTOGRAMS, NULL, 0,
	  "blocks by size and by how long they lived instead of the table", 0 },
	{ "limit", KEY_LIMIT, "N", 0, "rows (default: 20 of a table, 10000 of JSON; 0: all)", 0 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default), always or never", 0 },
	{ "no-pager", KEY_NO_PAGER, NULL, 0,
	  "do not start $HEAPTRAIL_PAGER, $PAGER or less, where output is a terminal", 0 },
	{ "json", 'j', NULL, 0, "print the whole report as JSON", 0 },
	{ 0 },
};

struct arguments {
	struct capture_options captures;
	const char *sort, *by;
	json_t *peek; /* a text; NULL: it is not asked for */
	long limit;
	enum terminal_color color;
	bool is_json, is_tree, is_bottom_up, has_histograms, has_hotspots, has_events, has_no_pager;
	bool is_written; /* it is still being recorded */
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	static const char *const SORTS[] = { "live",	    "blocks",	 "peak",
					     "most-blocks", "allocated", "count",
					     "temporary",   "grown",	 "growth" };
	static const char *const WAYS[] = { "function",	  "module", "thread",	 "thread-name",
					    "executable", "cgroup", "allocator", "tag" };
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &arguments->captures; return 0;
	case 'j': arguments->is_json = true; return 0;
	case KEY_TREE: arguments->is_tree = true; return 0;
	case KEY_BOTTOM_UP: arguments->is_tree = arguments->is_bottom_up = true; return 0;
	case KEY_NO_PAGER: arguments->has_no_pager = true; return 0;
	case KEY_COLOR:
		if (!terminal_color_parse(value, &arguments->color))
			argp_error(state, "--color: auto, always or never, not %s", value);
		return 0;
	case KEY_EVENTS: arguments->has_events = true; return 0;
	case KEY_HOTSPOTS: arguments->has_hotspots = true; return 0;
	case KEY_HISTOGRAMS: arguments->has_histograms = true; return 0;
	case KEY_PEEK:
		json_decref(arguments->peek);
		arguments->peek = json_string(value);
		if (!arguments->peek)
			argp_error(state, "--peek: not UTF-8: %s", value);
		return 0;
	case KEY_BY:
		arguments->by = value;
		for (size_t i = 0; i < sizeof(WAYS) / sizeof(WAYS[0]); i++)
			if (strcmp(value, WAYS[i]) == 0)
				return 0;
		argp_error(state, "--by: " WAY_NAMES ", not %s", value);
		return 0;
	case KEY_LIMIT: arguments->limit = capture_options_limit(value, state); return 0;
	case 's':
		arguments->sort = value;
		for (size_t i = 0; i < sizeof(SORTS) / sizeof(SORTS[0]); i++)
			if (strcmp(value, SORTS[i]) == 0)
				return 0;
		argp_error(state, "--sort: " SORT_NAMES ", not %s", value);
		return 0;
	case ARGP_KEY_END:
		if ((arguments->by != NULL) + (arguments->peek != NULL) + arguments->is_tree +
			    arguments->has_histograms + arguments->has_hotspots +
			    arguments->has_events >
		    1)
			argp_error(
				state,
				"one of --tree, --by, --peek, --hotspots, --events and --histograms");
		if (arguments->has_events && arguments->is_json)
			argp_error(state, "events as JSON: export -f events");
		if (strcmp(arguments->sort, "growth") == 0 &&
		    (arguments->by || arguments->peek || arguments->is_tree))
			argp_error(state, "--sort growth is for the table of stacks");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child CHILDREN[] = { { &CAPTURE_NAMES_ARGP, 0, NULL, 0 }, { 0 } };

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"FILE",
	"Says who holds, or held, the memory. Opening a capture leaves an audit record."
	"\vLive: not freed when the recording ended, which is not the same as leaked. Blocks from before the "
	"recording are not in it; frees of such blocks are counted apart.",
	CHILDREN,
	NULL,
	NULL
};

/* What the names of the JSON document mean to somebody who has not read the format's. */
static const char *words_for(const char *reason)
{
	static const char *const WORDS[][2] = {
		{ "ring_full", "no room between kernel and recorder" },
		{ "thread_state", "no memory for a thread's state" },
		{ "unmatched_return", "a call's return met another call" },
		{ "recursion", "the kernel skipped the probe" },
		{ "unread", "the tracer ended before it had read them" },
		{ "disk", "not written" },
		{ "frame_pointers", "in part by frame pointers" },
		{ "depth", "deeper than is followed" },
		{ "no_table", "code whose unwind table was not there yet" },
		{ "no_row", "code that its unwind table leaves out" },
		{ "rule", "unwind rule not supported" },
		{ "unreadable", "stack memory not readable" },
		{ "bad_frame", "frames lead nowhere" },
		{ "not_code", "a return address outside of code" },
		{ "anonymous", "code without a file" },
		{ "busy", "address space locked" },
		{ "no_slot", "no memory left on that CPU" },
		{ "signal", "through a signal's frame" },
	};

	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
		if (strcmp(reason, WORDS[i][0]) == 0)
			return WORDS[i][1];
	return reason;
}

static void print_reasons(const json_t *reasons)
{
	const char *name, *before = " (";
	char count[UNITS_TEXT_MAX + 8];
	json_t *value;

	json_object_foreach((json_t *)reasons, name, value)
	{
		printf("%s%s: %s", before,
		       units_format_count((uint64_t)json_integer_value(value), count),
		       words_for(name));
		before = "; ";
	}
	if (json_object_size(reasons))
		putchar(')');
}

static void print_target(const json_t *capture, bool is_written)
{
	const json_t *target;
	size_t i;
	char comm[128], exe[512], time[UNITS_TEXT_MAX];

	/* more are a table of their own */
	if (json_array_size(json_object_get(capture, "targets")) > TARGETS_SHOWN_MAX)
		printf("targets     %zu processes\n",
		       json_array_size(json_object_get(capture, "targets")));
	else
		json_array_foreach(json_object_get(capture, "targets"), i, target)
		{
			const char *name = get_text(target, "comm"),
				   *path = get_text(target, "exe");
			printf("target      %s, pid %" PRIu64 "%s%s\n",
			       text_safe(comm, sizeof(comm), name, strlen(name)),
			       get(target, "pid"), *path ? ", " : "",
			       text_safe(exe, sizeof(exe), path, strlen(path)));
		}
	printf("recorded    %s, %s\n", units_format_duration(get(capture, "duration_ns"), time),
	       is_written && !json_is_true(json_object_get(capture, "complete"))
		       ? "so far: it is still being recorded, and names of functions come at its end"
		       : get_text(capture, "state"));
	if (get(capture, "segment"))
		printf("segment     %" PRIu64 " of a series that began %s before it\n",
		       get(capture, "segment"),
		       units_format_duration(get(capture, "begin_ns"), time));
}

/* Those that could not be read: what is missing of stacks and names is missing because of them. */
static void print_modules(const json_t *modules)
{
	const json_t *module;
	size_t i, shown = 0, count = 0;

	json_array_foreach(modules, i, module)
	{
		const char *path = get_text(module, "path"), *note = get_text(module, "note");
		char safe_path[1024], safe_note[512];
		/* what has no path is about all the rest */
		if (!*note || (++count > NOTES_SHOWN_MAX && *path))
			continue;
		shown++;
		printf("module      %s%s%s\n",
		       text_safe(safe_path, sizeof(safe_path), path, strlen(path)),
		       *path ? ": " : "",
		       text_safe(safe_note, sizeof(safe_note), note, strlen(note)));
	}
	if (count > shown)
		printf("            and %zu more: see --json\n", count - shown);
}

static void pid_cell(char *cell, const json_t *process)
{
	snprintf(cell, COLUMNS_CELL_MAX, "%" PRIu64, get(process, "pid"));
}

static void rate_cell(char *cell, const json_t *process)
{
	char text[UNITS_TEXT_MAX];

	snprintf(cell, COLUMNS_CELL_MAX, "%s",
		 units_format_size(get(process, "allocated_per_s"), text));
}

static const struct figure PROCESS_FIGURES[] = {
	{ "LIVE", figure_live, "live", 0 },
	{ "PEAK", figure_peak, "peak", 0 },
	{ "ALLOCATED", figure_allocated, "allocated", 0 },
	{ "COUNT", figure_count, "count", 0 },
	{ "PER SECOND", rate_cell, NULL, 0 },
	{ "PID", pid_cell, NULL, 8 },
};

/* Who holds memory, where there are several. */
static void print_processes(const json_t *processes, uint64_t duration_ns, int width)
{
	const struct figures_table table = FIGURES_TABLE(PROCESS_FIGURES, "live", width);
	double seconds = duration_ns ? (double)duration_ns / 1e9 : 1;
	size_t i, count = json_array_size(processes);
	json_t *process;

	if (count < 2)
		return;
	columns_print_heading(&table.columns, "PROCESS");
	json_array_foreach(processes, i, process)
	{
		const char *name = get_text(process, "comm");
		if (i == PROCESSES_SHOWN_MAX)
			break;
		json_object_set_new(
			process, "allocated_per_s",
			json_integer(
				(json_int_t)((double)get(process, "allocated_bytes") / seconds)));
		figures_print(&table, process);
		columns_print_text(&table.columns, name, strlen(name), 0);
	}
	if (count > PROCESSES_SHOWN_MAX)
		printf("and %zu more: see --json\n", count - PROCESSES_SHOWN_MAX);
	printf("\n");
}

static void print_condition(const char *name, const json_t *value)
{
	char text[UNITS_TEXT_MAX], safe[4 * CONDITION_COLUMNS + 1];
	const char *pattern = json_string_value(value), *unit = strrchr(name, '_');
	uint64_t number = (uint64_t)json_integer_value(value);

	printf("%s", name);
	if (strcmp(name, "suppressed") == 0 || strcmp(name, "live") == 0 ||
	    strcmp(name, "at_peak") == 0)
		return;
	if (pattern)
		printf(" %s",
		       text_fit(safe, sizeof(safe), pattern, strlen(pattern), CONDITION_COLUMNS));
	else if (strncmp(name, "size", 4) == 0)
		printf(" %s", units_format_size(number, text));
	else if (unit && strcmp(unit, "_ns") == 0)
		printf(" %s", units_format_duration(number, text));
	else if (strcmp(name, "address") == 0)
		printf(" 0x%" PRIx64, number);
	else
		printf(" %" PRIu64, number);
}

/* What the report is about: nobody should take a part for the whole. */
static void print_filter(const json_t *filter)
{
	const char *name, *before = "only        ";
	json_t *value;

	json_object_foreach((json_t *)filter, name, value)
	{
		printf("%s", before);
		print_condition(name, value);
		before = ", ";
	}
	if (json_object_size(filter))
		putchar('\n');
}

/* Nothing where it is not known of any allocator. */
static void print_overhead(const json_t *overhead)
{
	const char *allocator = json_string_value(json_object_get(overhead, "allocator"));
	char a[UNITS_TEXT_MAX + 8], b[UNITS_TEXT_MAX + 8];

	if (!allocator)
		return;
	printf("overhead    about %s on top of %s blocks of %s",
	       units_format_size(get(overhead, "chunk_bytes") - get(overhead, "asked_bytes"), a),
	       units_format_count(get(overhead, "blocks"), b),
	       strcmp(allocator, "glibc") == 0 ? "glibc's malloc" : allocator);
	if (get(overhead, "unknown_blocks"))
		printf("; not known of %s more",
		       units_format_count(get(overhead, "unknown_blocks"), a));
	putchar('\n');
}

/* What there is at the end says nothing about what there was. */
static bool is_mostly_gone(const json_t *totals)
{
	uint64_t peak = get(totals, "peak_bytes");

	return peak >= PEAK_MIN && get(totals, "live_bytes") < peak / 2;
}

static void print_head(const json_t *report, bool is_at_peak, bool is_written, int width)
{
	const json_t *events = json_object_get(report, "events"),
		     *totals = json_object_get(report, "totals");
	const json_t *quality = json_object_get(report, "stacks_quality");
	char a[UNITS_TEXT_MAX + 8], b[UNITS_TEXT_MAX + 8], c[UNITS_TEXT_MAX + 8],
		d[UNITS_TEXT_MAX + 8];

	report_verdict(report);
	print_filter(json_object_get(report, "filter"));
	print_target(json_object_get(report, "capture"), is_written);
	if (get(json_object_get(report, "capture"), "sampling_bytes"))
		printf("sampled     by the target itself: bytes are estimates, counts are of samples\n");
	printf("events      %s allocations, %s frees, %s reallocations, %s failed\n",
	       units_format_count(get(events, "allocations"), a),
	       units_format_count(get(events, "frees"), b),
	       units_format_count(get(events, "reallocations"), c),
	       units_format_count(get(events, "failed"), d));
	printf("lost        %s", units_format_count(get(events, "lost"), a));
	print_reasons(json_object_get(events, "lost_by_reason"));
	printf("\nlive        %s in %s blocks at the %s; peak %s%s\n",
	       units_format_size(get(totals, "live_bytes"), a),
	       units_format_count(get(totals, "live_blocks"), b), is_at_peak ? "peak" : "end",
	       units_format_size(get(totals, "peak_bytes"), c),
	       is_mostly_gone(totals) ? "; --at-peak shows whose that was" : "");
	if (get(totals, "carried_blocks"))
		printf("carried     %s in %s blocks lived when the segment began\n",
		       units_format_size(get(totals, "carried_bytes"), a),
		       units_format_count(get(totals, "carried_blocks"), b));
	report_timeline(report);
	printf("allocated   %s in all, %s blocks temporary\n",
	       units_format_size(get(totals, "allocated_bytes"), a),
	       units_format_count(get(totals, "temporary_blocks"), b));
	print_overhead(json_object_get(report, "overhead"));
	if (get(totals, "ended_blocks"))
		printf("exec        %s blocks ended with their program\n",
		       units_format_count(get(totals, "ended_blocks"), a));
	if (get(events, "free_of_unknown"))
		printf("before      %s frees of blocks from before the recording\n",
		       units_format_count(get(events, "free_of_unknown"), a));
	if (get(json_object_get(report, "suppressed"), "allocated_bytes") ||
	    get(json_object_get(report, "suppressed"), "live_blocks"))
		printf("suppressed  %s live in %s blocks are not in this report\n",
		       units_format_size(get(json_object_get(report, "suppressed"), "live_bytes"),
					 a),
		       units_format_count(get(json_object_get(report, "suppressed"), "live_blocks"),
					  b));
	if (get(events, "free_of_inherited"))
		printf("fork        %s frees of copies of a parent's blocks\n",
		       units_format_count(get(events, "free_of_inherited"), a));
	printf("stacks      %s taken, %s complete", units_format_count(get(quality, "stacks"), a),
	       units_format_count(get(quality, "complete"), b));
	print_reasons(json_object_get(quality, "incomplete_by_reason"));
	printf("\n");
	print_modules(json_object_get(json_object_get(report, "capture"), "modules"));
	printf("\n");
	report_heaps(report);
	print_processes(json_object_get(report, "processes"),
			get(json_object_get(report, "capture"), "duration_ns"), width);
}

static void print_report(const json_t *report, const struct report_events *events,
			 const struct arguments *arguments)
{
	int width = terminal_width();

	print_head(report, json_object_get(arguments->captures.filter.filter, "at_peak") != NULL,
		   arguments->is_written, width);
	if (arguments->by) {
		report_groups(json_object_get(report, "groups"), arguments->by, arguments->sort,
			      (size_t)arguments->limit, width);
	} else if (arguments->peek) {
		report_peek(json_object_get(report, "peek"), arguments->sort,
			    (size_t)arguments->limit, width);
	} else if (arguments->has_events) {
		report_events_print(events, width);
	} else if (arguments->has_hotspots) {
		report_hotspots(json_object_get(report, "hotspots"), width);
	} else if (arguments->has_histograms) {
		report_histograms(report);
	} else if (arguments->is_tree) {
		report_tree(json_object_get(report, "tree"), arguments->sort, width);
	} else {
		report_table(report, width);
		report_mapped(json_object_get(report, "mapped"), width);
	}
}

int report_main(int argc, char **argv)
{
	struct arguments arguments = { .captures = CAPTURE_OPTIONS(1),
				       .sort = "live",
				       .limit = -1 };
	struct opened_capture capture;
	json_t *report = NULL;

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	long hotspots = arguments.limit > 0 ? arguments.limit : HOTSPOTS_DEFAULT;
	if (arguments.limit < 0)
		arguments.limit = arguments.is_json ? ROWS_JSON : ROWS_TABLE;
	int status = capture_options_open(&arguments.captures, 0, "view", &capture);
	if (status)
		return status;
	json_t *question = json_pack("{s:s, s:s, s:I, s:b, s:b, s:b}", "ask", "report", "sort",
				     arguments.sort, "limit", (json_int_t)arguments.limit, "tree",
				     arguments.is_tree, "bottom_up", arguments.is_bottom_up,
				     "details", true);
	if (arguments.has_hotspots)
		json_object_set_new(question, "hotspots", json_integer((json_int_t)hotspots));
	if (arguments.by)
		json_object_set_new(question, "by", json_string(arguments.by));
	if (arguments.peek)
		json_object_set(question, "peek", arguments.peek);
	struct report_events events = { .limit = (size_t)arguments.limit };
	arguments.is_written = capture.is_written;
	capture.is_for_output = true;
	status = opened_capture_ask(&capture, question, &report);
	if (!status && arguments.has_events)
		status = report_events_read(&events, &capture);
	opened_capture_close(&capture);
	if (!status && arguments.is_json)
		json_dumpf(report, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII), putchar('\n');
	if (!status && !arguments.is_json) {
		terminal_begin(arguments.color, !arguments.has_no_pager);
		print_report(report, &events, &arguments);
	}
	json_decref(question);
	json_decref(arguments.peek);
	report_events_free(&events);
	capture_options_free(&arguments.captures);
	json_decref(report);
	if (!terminal_end() && !status)
		status = command_fail(EXIT_FAILED, "the report could not be written");
	return status;
}
