// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/report_verdict.h"

#include "base/text.h"
#include "base/units.h"
#include "commands/report_fields.h"
#include "commands/terminal.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TOP_SHARE_MIN 0.5 /* of what is live: less is no single path */
#define GROWN_SHARE_MIN \
	0.05 /* of what is live, over the time that was looked at: less is not called growth */
#define KEPT_SHARE_MIN	0.5 /* of the growth, at the end: what was freed again is no growth */
#define ERRORS_MIN	4 /* the slope is so many times its standard error: else it may be chance */
#define DURATION_MIN_NS 1000000000
#define RESIDENT_MIN_NS 8000000000 /* it is looked at once a second */
#define RETURNED_MIN	(1 << 20)
#define RETURNED_SHARE	0.1 /* of the heap */
#define COLUMNS		60

static void say_loss(const json_t *report)
{
	char lost[UNITS_TEXT_MAX + 8];
	uint64_t count = get(json_object_get(report, "events"), "lost");

	if (count)
		printf("verdict     %s events were lost: what follows is less than the truth, and live may be more\n",
		       units_format_count(count, lost));
}

/* What was live at a time, or at the first moment that is known after it. */
static double live_at(const json_t *report, uint64_t time_ns)
{
	const json_t *point;
	size_t i;

	json_array_foreach(
		json_object_get(report, "timeline"), i,
		point) if ((uint64_t)json_integer_value(json_array_get(point, 0)) >=
			   time_ns) return (double)json_integer_value(json_array_get(point, 1));
	return 0;
}

/* Only what stands out of the noise, matters beside what is there, and was still there at the end.
 */
static void say_growth(const json_t *report)
{
	const json_t *growth = json_object_get(report, "growth");
	uint64_t duration = get(json_object_get(report, "capture"), "duration_ns");
	double live = (double)get(json_object_get(report, "totals"), "live_bytes");
	double rate = json_real_value(json_object_get(growth, "bytes_per_s"));
	double error = json_real_value(json_object_get(growth, "error_bytes_per_s"));
	char text[UNITS_TEXT_MAX], span[UNITS_TEXT_MAX], around[UNITS_TEXT_MAX];

	if (!json_is_object(growth) || duration < DURATION_MIN_NS)
		return;
	uint64_t end = get(json_object_get(report, "capture"), "begin_ns") + duration;
	double seconds = (double)(end - get(growth, "from_ns")) / 1e9;
	if (rate > 0 && rate >= ERRORS_MIN * error && rate * seconds >= GROWN_SHARE_MIN * live &&
	    rate * seconds >= 4096 &&
	    live - live_at(report, get(growth, "from_ns")) >= KEPT_SHARE_MIN * rate * seconds)
		printf("verdict     grows by %s/s (+- %s) over the last %s\n",
		       units_format_size((uint64_t)rate, text),
		       units_format_size((uint64_t)error, around),
		       units_format_duration((uint64_t)(seconds * 1e9), span));
}

/* What grows beside the heap is not the allocator's, or not returned by it. */
static void say_resident(const json_t *report)
{
	const json_t *resident = json_object_get(json_object_get(report, "resident"), "growth");
	uint64_t duration = get(json_object_get(report, "capture"), "duration_ns");
	double bytes = (double)get(json_object_get(report, "resident"), "bytes");
	double rate = json_real_value(json_object_get(resident, "bytes_per_s"));
	double error = json_real_value(json_object_get(resident, "error_bytes_per_s"));
	double heap = json_real_value(
		json_object_get(json_object_get(report, "growth"), "bytes_per_s"));
	char text[UNITS_TEXT_MAX], other[UNITS_TEXT_MAX];
	double seconds = (double)duration / 2e9;

	if (!json_is_object(resident) || duration < RESIDENT_MIN_NS || rate <= 0 ||
	    rate < ERRORS_MIN * error || rate * seconds < GROWN_SHARE_MIN * bytes ||
	    rate < 2 * heap)
		return;
	printf("verdict     memory in use grows by %s/s, what is allocated by %s/s: %s\n",
	       units_format_size((uint64_t)rate, text),
	       units_format_size(heap > 0 ? (uint64_t)heap : 0, other),
	       get(json_object_get(report, "mapped"), "mappings")
		       ? "see what is mapped, below"
		       : "`record --mmap' says what is mapped");
}

/* The first functions, without those that only hand on to the allocator in the same file as it. */
static void say_top(const json_t *report)
{
	const json_t *top = json_object_get(report, "top"), *frame;
	double live = (double)get(json_object_get(report, "totals"), "live_bytes");
	double share = live > 0 ? (double)get(top, "live_bytes") / live : 0;
	size_t i, shown = 0;

	if (!json_is_object(top) || share < TOP_SHARE_MIN)
		return;
	printf("verdict     %.0f %% of what is live comes from one path: ", 100 * share);
	json_array_foreach(json_object_get(top, "frames"), i, frame)
	{
		const char *function = json_string_value(json_object_get(frame, "function"));
		char safe[200];
		if (!function || !*function)
			continue;
		printf("%s%s", shown ? " < " : "",
		       text_safe(safe, sizeof(safe), function, strlen(function)));
		if (++shown == 4)
			break;
	}
	puts(shown ? "" : "without names");
}

static void say_not_returned(const json_t *report)
{
	const json_t *census;
	size_t i;

	json_array_foreach(json_object_get(report, "censuses"), i, census)
	{
		uint64_t bytes = get(census, "cached_bytes") + get(census, "fast_bytes") +
				 get(census, "free_bytes") + get(census, "top_bytes");
		char text[UNITS_TEXT_MAX];
		if (strcmp(json_string_value(json_object_get(census, "moment")), "end") != 0 ||
		    bytes < RETURNED_MIN ||
		    (double)bytes < RETURNED_SHARE * (double)get(census, "heap_bytes"))
			continue;
		printf("verdict     %s in the heap of pid %u are free, but not returned to the system\n",
		       units_format_size(bytes, text), (unsigned)get(census, "pid"));
	}
}

void report_verdict(const json_t *report)
{
	fputs(terminal_strong(), stdout);
	say_loss(report);
	say_growth(report);
	say_resident(report);
	say_top(report);
	say_not_returned(report);
	fputs(terminal_plain(), stdout);
}

static void print_curve(const char *label, const json_t *points)
{
	static const char *const LEVELS[] = { "\u2581", "\u2582", "\u2583", "\u2584",
					      "\u2585", "\u2586", "\u2587", "\u2588" };
	size_t count = json_array_size(points), columns = count < COLUMNS ? count : COLUMNS;
	uint64_t most = 0, values[COLUMNS] = { 0 };
	char text[UNITS_TEXT_MAX];

	if (count < 4)
		return;
	/* the most of each column: a peak must not fall between two */
	for (size_t i = 0; i < count; i++) {
		uint64_t value = (uint64_t)json_integer_value(
			json_array_get(json_array_get(points, i), 1));
		size_t column = i * columns / count;
		values[column] = value > values[column] ? value : values[column];
		most = value > most ? value : most;
	}
	printf("%-12s", label);
	for (size_t i = 0; i < columns; i++)
		fputs(most ? LEVELS[(uint64_t)((double)values[i] / (double)most * 7.99)] : " ",
		      stdout);
	printf("  up to %s\n", units_format_size(most, text));
}

void report_timeline(const json_t *report)
{
	print_curve("over time", json_object_get(report, "timeline"));
	print_curve("resident", json_object_get(json_object_get(report, "resident"), "timeline"));
}
