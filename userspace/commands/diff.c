// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"
#include "base/units.h"
#include "commands/capture_options.h"
#include "commands/columns.h"
#include "commands/command.h"
#include "commands/rows.h"
#include "commands/terminal.h"

#include <argp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX	       65536 /* bytes of the names of one stack; what is deeper is one with it */
#define NAME_MAX_BYTES 8192
#define ROWS_TABLE     20

/* What is compared; names as report --sort has them. */
static const struct metric {
	const char *name, *field;
	bool is_size;
} METRICS[] = {
	{ "live", "live_bytes", true },
	{ "allocated", "allocated_bytes", true },
	{ "count", "allocations", false },
	{ "temporary", "temporary", false },
};

#define METRIC_COUNT (sizeof(METRICS) / sizeof(METRICS[0]))

enum option_key {
	KEY_LIMIT = 256,
	KEY_FAIL_ON,
	KEY_RANGE,
	KEY_COLOR,
	KEY_NO_PAGER
};

static const struct argp_option OPTIONS[] = {
	{ "sort", 's', "KEY", 0, "what is compared: live (default), allocated, count or temporary",
	  0 },
	{ "limit", KEY_LIMIT, "N", 0, "rows (default: 20 of a table; 0: all)", 0 },
	{ "fail-on", KEY_FAIL_ON, "KEY:LIMIT", 0,
	  "exit with 7 if the whole grew by more than that: live:1M, count:1000", 0 },
	{ "range", KEY_RANGE, "FROM[-TO]", 0,
	  "given twice: instead of two captures, two parts of the time of one: what was allocated in each and is live at its end: 0s-30s, 30s-1m",
	  0 },
	{ "color", KEY_COLOR, "WHEN", 0, "auto (default), always or never", 0 },
	{ "no-pager", KEY_NO_PAGER, NULL, 0,
	  "do not start $HEAPTRAIL_PAGER, $PAGER or less, where output is a terminal", 0 },
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ 0 },
};

struct arguments {
	struct capture_options captures;
	struct filter_options ranges[2];       /* of one capture */
	size_t range_count;		       /* 0: two captures are compared, otherwise 2 */
	const struct metric *metric, *limited; /* limited NULL: no --fail-on */
	uint64_t most;
	long limit;
	enum terminal_color color;
	bool is_json, has_no_pager;
};

static const struct metric *metric_named(const char *name, size_t length)
{
	for (size_t i = 0; i < METRIC_COUNT; i++)
		if (strlen(METRICS[i].name) == length &&
		    strncmp(METRICS[i].name, name, length) == 0)
			return &METRICS[i];
	return NULL;
}

static void parse_fail_on(struct arguments *arguments, const char *value, struct argp_state *state)
{
	const char *colon = strchr(value, ':');

	arguments->limited = colon ? metric_named(value, (size_t)(colon - value)) : NULL;
	if (!arguments->limited || units_parse_size(colon + 1, &arguments->most))
		argp_error(state, "--fail-on: not a key and a limit: %s; try live:1M", value);
}

static void add_range(struct arguments *arguments, char *value, struct argp_state *state)
{
	if (arguments->range_count == 2)
		argp_error(state, "two ranges at a time");
	filter_options_set_time(&arguments->ranges[arguments->range_count++], value, state);
	arguments->captures.wanted = 1;
}

static void check_ranges(const struct arguments *arguments, struct argp_state *state)
{
	if (arguments->range_count == 1)
		argp_error(state, "--range: which is the second one?");
	if (arguments->range_count && json_object_get(arguments->captures.filter.filter, "from_ns"))
		argp_error(state, "one of --range and --time");
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &arguments->captures; return 0;
	case 's':
		arguments->metric = metric_named(value, strlen(value));
		if (!arguments->metric)
			argp_error(state, "--sort: live, allocated, count or temporary, not %s",
				   value);
		return 0;
	case KEY_LIMIT: arguments->limit = capture_options_limit(value, state); return 0;
	case KEY_FAIL_ON: parse_fail_on(arguments, value, state); return 0;
	case KEY_RANGE: add_range(arguments, value, state); return 0;
	case KEY_COLOR:
		if (!terminal_color_parse(value, &arguments->color))
			argp_error(state, "--color: auto, always or never, not %s", value);
		return 0;
	case KEY_NO_PAGER: arguments->has_no_pager = true; return 0;
	case ARGP_KEY_END: check_ranges(arguments, state); return 0;
	case 'j': arguments->is_json = true; return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child CHILDREN[] = { { &CAPTURE_ARGP, 0, NULL, 0 }, { 0 } };

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"OLD NEW\nFILE --range FROM-TO --range FROM-TO",
	"Says what changed between two captures, or two ranges of the time of one, by stack. Stacks are the same if their functions are, in the same files, "
	"wherever the code was.",
	CHILDREN,
	NULL,
	NULL
};

/* Sums of the stacks with the same functions, in both captures. */
struct change {
	char *stack; /* names of frames, leaf first, a newline after each */
	uint64_t sums[2][METRIC_COUNT];
};

struct diff {
	struct change *changes;
	size_t count;
	json_t *indexes; /* object: stack -> its index */
	int side;	 /* 0: old, 1: new */
	uint64_t totals[2][METRIC_COUNT];
	bool has_failed;
};

static uint64_t number(const json_t *object, const char *field)
{
	return (uint64_t)json_integer_value(json_object_get(object, field));
}

static const char *text_of(const json_t *object, const char *field)
{
	const char *text = json_string_value(json_object_get(object, field));

	return text ? text : "";
}

/* The file's name without a version's numbers would match more, and what does not belong together.
 */
static char *key_of(const json_t *row)
{
	char *key = malloc(KEY_MAX);
	const json_t *frame;
	size_t i, used = 0;

	if (!key)
		return NULL;
	*key = 0;
	json_array_foreach(json_object_get(row, "frames"), i, frame)
	{
		const char *module = text_of(frame, "module"), *slash = strrchr(module, '/');
		const char *function = text_of(frame, "function");
		char name[NAME_MAX_BYTES], file[NAME_MAX_BYTES];
		int n;
		module = slash ? slash + 1 : *module ? module : "anonymous";
		/* a name with the end of a line in it would be two frames */
		text_safe(name, sizeof(name), function, strlen(function));
		text_safe(file, sizeof(file), module, strlen(module));
		if (*function)
			n = snprintf(key + used, KEY_MAX - used, "%s [%s]\n", name, file);
		else
			n = snprintf(key + used, KEY_MAX - used, "%s+0x%" PRIx64 "\n", file,
				     number(frame, "module_offset"));
		if ((size_t)n >= KEY_MAX - used)
			break;
		used += (size_t)n;
	}
	key[used] = 0;
	return key;
}

static struct change *find(struct diff *diff, char *key)
{
	const json_t *known = json_object_get(diff->indexes, key);
	size_t count = diff->count;

	if (known) {
		free(key);
		return &diff->changes[json_integer_value(known)];
	}
	if ((count & (count - 1)) == 0) {
		struct change *more = realloc(diff->changes,
					      (count ? 2 * count : 1) * sizeof(*more));
		if (!more) {
			free(key);
			return NULL;
		}
		diff->changes = more;
	}
	if (json_object_set_new(diff->indexes, key, json_integer((json_int_t)count))) {
		free(key);
		return NULL;
	}
	diff->changes[count] = (struct change) { .stack = key };
	return &diff->changes[diff->count++];
}

/* What is beyond the numbers of JSON is cut, as in a report. */
static void add(uint64_t *sum, uint64_t value)
{
	*sum = *sum > INT64_MAX - value ? INT64_MAX : *sum + value;
}

static void add_row(void *context, const json_t *row)
{
	struct diff *diff = context;
	char *key = key_of(row);
	struct change *change = key ? find(diff, key) : NULL;

	diff->has_failed |= !change;
	for (size_t i = 0; change && i < METRIC_COUNT; i++) {
		uint64_t value = number(row, METRICS[i].field);
		add(&change->sums[diff->side][i], value);
		add(&diff->totals[diff->side][i], value);
	}
}

/* A range is one condition more. NULL: there is none. */
static json_t *filter_of_side(const struct arguments *arguments, int side)
{
	json_t *common = arguments->captures.filter.filter;
	json_t *range = arguments->ranges[side].filter;

	if (!range)
		return json_incref(common);
	json_t *both = json_copy(range);
	if (common)
		json_object_update(both, common);
	return both;
}

static int load(struct diff *diff, const struct arguments *arguments, int side)
{
	struct opened_capture capture;
	json_t *report = NULL;
	size_t index = arguments->range_count ? 0 : (size_t)side;
	int status = capture_options_open(&arguments->captures, index, "view", &capture);

	if (status)
		return status;
	capture.is_for_output = true;
	capture.filter = filter_of_side(arguments, side);
	diff->side = side;
	status = rows_each(&capture, add_row, diff, &report);
	opened_capture_close(&capture);
	json_decref(capture.filter);
	json_decref(report);
	return status		  ? status
	       : diff->has_failed ? command_fail(EXIT_FAILED, "out of memory")
				  : EXIT_DONE;
}

static int64_t growth(const uint64_t sums[2][METRIC_COUNT], size_t metric)
{
	return (int64_t)(sums[1][metric] - sums[0][metric]);
}

/* Those that changed most first, whichever way. */
static int by_change(const void *a, const void *b, void *metric)
{
	size_t i = *(size_t *)metric;
	int64_t left = growth(((const struct change *)a)->sums, i),
		right = growth(((const struct change *)b)->sums, i);
	uint64_t more = (uint64_t)(left < 0 ? -left : left),
		 less = (uint64_t)(right < 0 ? -right : right);

	return more < less   ? 1
	       : more > less ? -1
			     : strcmp(((const struct change *)a)->stack,
				      ((const struct change *)b)->stack);
}

static const char *format(const struct metric *metric, uint64_t value,
			  char text[static UNITS_TEXT_MAX + 8])
{
	return metric->is_size ? units_format_size(value, text) : units_format_count(value, text);
}

static const char *format_growth(const struct metric *metric, int64_t value,
				 char text[static UNITS_TEXT_MAX + 9])
{
	char amount[UNITS_TEXT_MAX + 8];

	snprintf(text, UNITS_TEXT_MAX + 9, "%s%s",
		 value > 0   ? "+"
		 : value < 0 ? "-"
			     : "",
		 format(metric, (uint64_t)(value < 0 ? -value : value), amount));
	return text;
}

static void print_sums(const struct columns *columns, const struct metric *metric,
		       const uint64_t sums[2][METRIC_COUNT])
{
	char text[UNITS_TEXT_MAX + 9];
	size_t i = (size_t)(metric - METRICS);
	struct cells cells;

	snprintf(cells.text[0], COLUMNS_CELL_MAX, "%s",
		 format_growth(metric, growth(sums, i), text));
	for (int side = 0; side < 2; side++)
		snprintf(cells.text[1 + side], COLUMNS_CELL_MAX, "%s",
			 format(metric, sums[side][i], text));
	columns_print_cells(columns, &cells);
}

static void print_table(const struct diff *diff, const struct arguments *arguments, size_t limit)
{
	struct columns columns = { .headings = { "CHANGE", "OLD", "NEW" },
				   .widths = { 12, 12, 12 },
				   .count = 3 };
	size_t metric = (size_t)(arguments->metric - METRICS);

	columns_fit(&columns, terminal_width());
	columns_print_heading(&columns, "STACK");
	print_sums(&columns, arguments->metric, diff->totals);
	columns_print_text(&columns, "(all)", strlen("(all)"), 0);
	for (size_t i = 0; i < diff->count && i < limit && growth(diff->changes[i].sums, metric);
	     i++) {
		const char *at = diff->changes[i].stack;
		print_sums(&columns, arguments->metric, diff->changes[i].sums);
		if (!*at)
			columns_print_text(&columns, "(no stack)", strlen("(no stack)"), 0);
		for (const char *first = at; *at; at += strcspn(at, "\n") + 1) {
			printf("%*s", at == first ? 0 : columns.indent, "");
			columns_print_text(&columns, at, strcspn(at, "\n"), 0);
		}
	}
}

static json_t *sums_json(const uint64_t sums[2][METRIC_COUNT])
{
	json_t *object = json_object();

	for (size_t i = 0; i < METRIC_COUNT; i++)
		json_object_set_new(object, METRICS[i].field,
				    json_pack("{s:I, s:I, s:I}", "old", (json_int_t)sums[0][i],
					      "new", (json_int_t)sums[1][i], "change",
					      (json_int_t)growth(sums, i)));
	return object;
}

static void print_json(const struct diff *diff, size_t limit)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < diff->count && i < limit; i++) {
		json_t *row = sums_json(diff->changes[i].sums), *frames = json_array();
		for (const char *at = diff->changes[i].stack; *at; at += strcspn(at, "\n") + 1)
			json_array_append_new(frames, json_stringn(at, strcspn(at, "\n")));
		json_object_set_new(row, "frames", frames);
		json_array_append_new(rows, row);
	}
	json_t *document = json_pack("{s:o, s:o, s:I}", "totals", sums_json(diff->totals), "rows",
				     rows, "rows_total", (json_int_t)diff->count);
	if (document)
		json_dumpf(document, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(document);
}

static int check_limit(const struct diff *diff, const struct arguments *arguments)
{
	char grown[UNITS_TEXT_MAX + 9], most[UNITS_TEXT_MAX + 8];
	size_t metric;

	if (!arguments->limited)
		return EXIT_DONE;
	metric = (size_t)(arguments->limited - METRICS);
	int64_t growth_now = growth(diff->totals, metric);
	if (growth_now <= 0 || (uint64_t)growth_now <= arguments->most)
		return EXIT_DONE;
	return command_fail(EXIT_GROWN, "%s changed by %s, more than %s", arguments->limited->name,
			    format_growth(arguments->limited, growth_now, grown),
			    format(arguments->limited, arguments->most, most));
}

int diff_main(int argc, char **argv)
{
	struct arguments arguments = { .captures = CAPTURE_OPTIONS(2),
				       .metric = &METRICS[0],
				       .limit = -1 };
	struct diff diff = { .indexes = json_object() };

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	size_t limit = arguments.limit > 0			   ? (size_t)arguments.limit
		       : arguments.limit == 0 || arguments.is_json ? SIZE_MAX
								   : ROWS_TABLE;
	size_t metric = (size_t)(arguments.metric - METRICS);
	int status = load(&diff, &arguments, 0);
	if (!status)
		status = load(&diff, &arguments, 1);
	if (!status) {
		if (diff.count)
			qsort_r(diff.changes, diff.count, sizeof(*diff.changes), by_change,
				&metric);
		if (arguments.is_json)
			print_json(&diff, limit);
		else
			terminal_begin(arguments.color, !arguments.has_no_pager),
				print_table(&diff, &arguments, limit);
		/* whoever has left the pager sees it */
		bool is_written = terminal_end();
		status = check_limit(&diff, &arguments);
		if (!is_written && !status)
			status = command_fail(EXIT_FAILED, "the comparison could not be written");
	}
	for (size_t i = 0; i < diff.count; i++)
		free(diff.changes[i].stack);
	free(diff.changes);
	json_decref(diff.indexes);
	capture_options_free(&arguments.captures);
	json_decref(arguments.ranges[0].filter);
	json_decref(arguments.ranges[1].filter);
	return status;
}
