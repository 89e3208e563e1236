// SPDX-License-Identifier: GPL-2.0-or-later
#include "export/export.h"

#include "commands/capture_options.h"
#include "commands/command.h"
#include "commands/events.h"
#include "commands/rows.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct export_format *const FORMATS[] = {
	&EXPORT_PPROF,	   &EXPORT_FOLDED, &EXPORT_SPEEDSCOPE, &EXPORT_DHAT,  &EXPORT_MASSIF,
	&EXPORT_HEAPTRACK, &EXPORT_CSV,	   &EXPORT_NDJSON,     &EXPORT_EVENTS
};

#define FORMAT_NAMES \
	"pprof (default), folded, speedscope, dhat, massif, heaptrack, csv, ndjson or events"
#define FORMAT_COUNT (sizeof(FORMATS) / sizeof(FORMATS[0]))

/* What a format with one value takes. */
static const struct {
	const char *name, *field;
} METRICS[] = {
	{ "live", "live_bytes" },
	{ "blocks", "live_blocks" },
	{ "at-peak", "at_peak_bytes" },
	{ "peak", "peak_bytes" },
	{ "most-blocks", "most_blocks" },
	{ "allocated", "allocated_bytes" },
	{ "count", "allocations" },
	{ "temporary", "temporary" },
	{ "grown", "grown" },
};

#define METRIC_COUNT (sizeof(METRICS) / sizeof(METRICS[0]))

#define METRIC_NAMES                                                                                  \
	"live (default), blocks, at-peak (of all together), peak (of each), most-blocks, allocated, " \
	"count, temporary or grown"

enum option_key {
	KEY_BASE = 256
};

static const struct argp_option OPTIONS[] = {
	{ "format", 'f', "FORMAT", 0, FORMAT_NAMES, 0 },
	{ "metric", 'm', "KEY", 0, "of folded stacks: " METRIC_NAMES, 0 },
	{ "base", KEY_BASE, "OLD", 0,
	  "folded stacks with two numbers, of this capture and of FILE, for a differential flame graph",
	  0 },
	{ "output", 'o', "FILE", 0, "write there, only for you to read (default: standard output)",
	  0 },
	{ 0 },
};

struct arguments {
	struct capture_options captures;
	const struct export_format *format;
	const char *metric, *output;
	bool has_base; /* then it is the second of the captures */
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &arguments->captures; return 0;
	case 'f':
		for (size_t i = 0; i < FORMAT_COUNT; i++)
			if (strcmp(value, FORMATS[i]->name) == 0) {
				arguments->format = FORMATS[i];
				return 0;
			}
		argp_error(state, "--format: " FORMAT_NAMES ", not %s", value);
		return 0;
	case 'm':
		for (size_t i = 0; i < METRIC_COUNT; i++)
			if (strcmp(value, METRICS[i].name) == 0) {
				arguments->metric = METRICS[i].field;
				return 0;
			}
		argp_error(state, "--metric: " METRIC_NAMES ", not %s", value);
		return 0;
	case 'o': arguments->output = value; return 0;
	case KEY_BASE:
		arguments->captures.paths[1] = value;
		arguments->has_base = true;
		return 0;
	case ARGP_KEY_END:
		if (arguments->has_base && arguments->format != &EXPORT_FOLDED)
			argp_error(state, "--base is for folded stacks: -f folded");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child CHILDREN[] = { { &CAPTURE_NAMES_ARGP, 0, NULL, 0 }, { 0 } };

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"FILE",
	"Writes a capture's stacks and their sums, or its events, for other tools. What is written is neither encrypted nor signed any more. "
	"It is on record as an export.",
	CHILDREN,
	NULL,
	NULL
};

static int open_output(const char *path, FILE **out)
{
	*out = stdout;
	if (!path || strcmp(path, "-") == 0)
		return EXIT_DONE;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	*out = fd < 0 ? NULL : fdopen(fd, "w");
	return *out ? EXIT_DONE : command_fail(EXIT_FAILED, "%s: %s", path, strerror(errno));
}

struct writing {
	struct export export;
	const struct export_format *format;
};

static void write_row(void *context, const json_t *row)
{
	struct writing *writing = context;

	if (writing->format->row)
		writing->format->row(&writing->export, row);
}

static void write_event(void *context, const struct block_event *event)
{
	struct writing *writing = context;

	writing->format->event(&writing->export, event);
}

/* The rows of the capture that FILE is compared with. */
static int read_base(const struct arguments *arguments, struct writing *writing)
{
	struct opened_capture base;
	json_t *report = NULL;

	if (!arguments->has_base)
		return EXIT_DONE;
	int status = capture_options_open(&arguments->captures, 1, "export", &base);
	if (status)
		return status;
	writing->export.is_base = true;
	status = rows_each(&base, write_row, writing, &report);
	writing->export.is_base = false;
	json_decref(report);
	opened_capture_close(&base);
	return status;
}

static int write_all(struct opened_capture *capture, const struct arguments *arguments,
		     struct writing *writing)
{
	json_t *report;

	if (writing->format->begin)
		writing->format->begin(&writing->export);
	int status = read_base(arguments, writing);
	if (status)
		return status;
	status = rows_each(capture, write_row, writing, &report);
	writing->export.report = report;
	if (!status && writing->format->event)
		status = events_each(capture, write_event, writing);
	if (!status && writing->format->end)
		writing->format->end(&writing->export);
	json_decref(report);
	return status;
}

int export_main(int argc, char **argv)
{
	struct arguments arguments = { .captures = CAPTURE_OPTIONS(1),
				       .format = &EXPORT_PPROF,
				       .metric = "live_bytes" };
	struct opened_capture capture;
	struct writing writing = { 0 };
	struct export *export = &writing.export;

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	if (!arguments.output && arguments.format == &EXPORT_PPROF && isatty(STDOUT_FILENO))
		return command_fail(EXIT_MISUSED,
				    "a profile for pprof is not for a terminal: -o FILE");
	int status = capture_options_open(&arguments.captures, 0, "export", &capture);
	if (status)
		return status;
	status = open_output(arguments.output, &export->out);
	if (!status) {
		export->metric = arguments.metric;
		writing.format = arguments.has_base ? &EXPORT_FOLDED_DIFFERENCE : arguments.format;
		status = write_all(&capture, &arguments, &writing);
	}
	opened_capture_close(&capture);
	capture_options_free(&arguments.captures);
	if (export->out && (fflush(export->out) || ferror(export->out) || export->has_failed) &&
	    !status)
		status = command_fail(EXIT_FAILED, "the export could not be written: %s",
				      export->has_failed ? "out of memory" : strerror(errno));
	if (export->out && export->out != stdout)
		fclose(export->out);
	return status;
}
