// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/report_verdict.h"

#include "base/text.h"
#include "base/units.h"
#include "commands/curve.h"
#include "commands/report_fields.h"
#include "commands/terminal.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TOP_SHARE_MIN 0.5 /* of what is live: less is no single path */
#define GROWN_SHARE_MIN \
	0.05 /* of what is live, over the time that was looked at: less is not called growth */
#define KEPT_SHARE_MIN	  0.5 /* of the growth, at the end: what was freed again is no growth */
#define ERRORS_MIN	  4 /* the slope is so many times its standard error: else it may be chance */
#define FUNCTION_COLUMNS  60
#define DURATION_MIN_NS	  1000000000
#define RESIDENT_MIN_NS	  2000000000 /* shorter, it is looked at too seldom */
#define RETURNED_MIN	  (1 << 20)
#define RETURNED_SHARE	  0.1 /* of the heap */
#define POINTS_MAX	  256 /* of a timeline */
#define MARKERS_SHOWN_MAX 8
#define MARKER_COLUMNS	  60

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
static bool say_growth(const json_t *report)
{
	const json_t *growth = json_object_get(report, "growth");
	uint64_t duration = get(json_object_get(report, "capture"), "duration_ns");
	double live = (double)get(json_object_get(report, "totals"), "live_bytes");
	double rate = json_real_value(json_object_get(growth, "bytes_per_s"));
	double error = json_real_value(json_object_get(growth, "error_bytes_per_s"));
	char text[UNITS_TEXT_MAX], span[UNITS_TEXT_MAX], around[UNITS_TEXT_MAX];

	if (!json_is_object(growth) || duration < DURATION_MIN_NS)
		return false;
	double seconds = (double)(get(growth, "to_ns") - get(growth, "from_ns")) / 1e9;
	bool grows = rate > 0 && rate >= ERRORS_MIN * error &&
		     rate * seconds >= GROWN_SHARE_MIN * live && rate * seconds >= 4096 &&
		     live - live_at(report, get(growth, "from_ns")) >=
			     KEPT_SHARE_MIN * rate * seconds;
	if (grows)
		printf("verdict     grows by %s/s (+- %s) over the last %s\n",
		       units_format_size((uint64_t)rate, text),
		       units_format_size((uint64_t)error, around),
		       units_format_duration((uint64_t)(seconds * 1e9), span));
	return grows;
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

/* The first functions that have names. */
static void say_path(const json_t *frames)
{
	const json_t *frame;
	size_t i, shown = 0;

	json_array_foreach(frames, i, frame)
	{
		const char *function = get_text(frame, "function");
		char fitted[4 * FUNCTION_COLUMNS + 1];
		if (!*function)
			continue;
		printf("%s%s", shown ? " < " : "",
		       text_fit(fitted, sizeof(fitted), function, strlen(function),
				FUNCTION_COLUMNS));
		if (++shown == 4)
			break;
	}
	puts(shown ? "" : "without names");
}

/* Of what grows, if most of it does by one path. */
static void say_growing(const json_t *report)
{
	const json_t *growing = json_object_get(report, "growing");
	double rate = json_real_value(json_object_get(growing, "bytes_per_s"));
	double all = json_real_value(
		json_object_get(json_object_get(report, "growth"), "bytes_per_s"));

	if (!json_is_object(growing) || rate < TOP_SHARE_MIN * all)
		return;
	/* the rest may shrink meanwhile */
	printf("verdict     %.0f %% of the growth is by one path: ", fmin(100 * rate / all, 100));
	say_path(json_object_get(growing, "frames"));
}

static void say_top(const json_t *report)
{
	const json_t *top = json_object_get(report, "top");
	double live = (double)get(json_object_get(report, "totals"), "live_bytes");
	double share = live > 0 ? (double)get(top, "live_bytes") / live : 0;

	if (!json_is_object(top) || share < TOP_SHARE_MIN)
		return;
	printf("verdict     %.0f %% of what is live comes from one path: ", 100 * share);
	say_path(json_object_get(top, "frames"));
}

static void say_not_returned(const json_t *report)
{
	const json_t *census;
	size_t i;

	json_array_foreach(json_object_get(report, "censuses"), i, census)
	{
		uint64_t between = get(census, "fast_bytes") + get(census, "free_bytes");
		uint64_t bytes = get(census, "cached_bytes") + between + get(census, "top_bytes");
		uint64_t largest = get(census, "largest_free_bytes");
		char text[UNITS_TEXT_MAX], holes[UNITS_TEXT_MAX], hole[UNITS_TEXT_MAX];
		if (strcmp(json_string_value(json_object_get(census, "moment")), "end") != 0 ||
		    bytes < RETURNED_MIN ||
		    (double)bytes < RETURNED_SHARE * (double)get(census, "heap_bytes"))
			continue;
		printf("verdict     %s (%.0f %%) in the heap of pid %u are free, but not returned to the system; %s of them lie between blocks in use%s%s\n",
		       units_format_size(bytes, text),
		       100 * (double)bytes / (double)get(census, "heap_bytes"),
		       (unsigned)get(census, "pid"), units_format_size(between, holes),
		       largest ? ", at most in one place: " : "",
		       largest ? units_format_size(largest, hole) : "");
	}
}

void report_verdict(const json_t *report)
{
	fputs(terminal_strong(), stdout);
	say_loss(report);
	if (say_growth(report))
		say_growing(report);
	say_resident(report);
	say_top(report);
	say_not_returned(report);
	fputs(terminal_plain(), stdout);
}

static void print_curve(const char *label, const json_t *points)
{
	uint64_t values[POINTS_MAX], most;
	size_t count = json_array_size(points);
	char text[UNITS_TEXT_MAX], curve[CURVE_TEXT_MAX];

	if (count < 4 || count > POINTS_MAX)
		return;
	for (size_t i = 0; i < count; i++)
		values[i] = (uint64_t)json_integer_value(
			json_array_get(json_array_get(points, i), 1));
	curve_draw(values, count, CURVE_COLUMNS_MAX, &most, curve);
	printf("%-12s%s  up to %s\n", label, curve, units_format_size(most, text));
}

/* The first of them. */
static void print_markers(const json_t *report)
{
	const json_t *markers = json_object_get(report, "markers"), *marker;
	uint64_t total = get(report, "markers_total");
	char safe[4 * MARKER_COLUMNS + 1], text[UNITS_TEXT_MAX + 8];
	size_t i;

	json_array_foreach(markers, i, marker)
	{
		const char *name = get_text(marker, "name");
		if (i == MARKERS_SHOWN_MAX)
			break;
		printf("%-12s%s  %s\n", i ? "" : "marks",
		       units_format_duration(get(marker, "time_ns"), text),
		       text_fit(safe, sizeof(safe), name, strlen(name), MARKER_COLUMNS));
	}
	if (total > MARKERS_SHOWN_MAX)
		printf("%-12sand %s more: see --json\n", "",
		       units_format_count(total - MARKERS_SHOWN_MAX, text));
}

void report_timeline(const json_t *report)
{
	print_curve("over time", json_object_get(report, "timeline"));
	print_curve("resident", json_object_get(json_object_get(report, "resident"), "timeline"));
	print_markers(report);
}
