// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/report_stacks.h"

#include "base/text.h"
#include "base/units.h"
#include "commands/report_fields.h"
#include "commands/terminal.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SUMS_WIDTH REPORT_SUMS_WIDTH

static void print_sums(const json_t *sums)
{
	char live[UNITS_TEXT_MAX], peak[UNITS_TEXT_MAX], all[UNITS_TEXT_MAX];

	printf("%10s %10s %10s %10" PRIu64 " %10" PRIu64 "  ",
	       units_format_size(get(sums, "live_bytes"), live),
	       units_format_size(get(sums, "peak_bytes"), peak),
	       units_format_size(get(sums, "allocated_bytes"), all),
	       get(sums, "allocations") + get(sums, "reallocations"), get(sums, "temporary"));
}

/* function (file:line), or module+0xoffset; cut to width. */
static void print_frame(const json_t *frame, int width)
{
	const char *function = get_text(frame, "function"), *file = get_text(frame, "file");
	const char *module = get_text(frame, "module"), *slash = strrchr(module, '/');
	char text[1024], safe[2048];

	if (width < 20)
		width = 20;
	if (*file && strrchr(file, '/'))
		file = strrchr(file, '/') + 1;
	if (*function && *file)
		snprintf(text, sizeof(text), "%s (%s:%" PRIu64 ")%s", function, file,
			 get(frame, "line"),
			 json_is_true(json_object_get(frame, "inlined")) ? " [inlined]" : "");
	else if (*function)
		snprintf(text, sizeof(text), "%s [%s]", function, slash ? slash + 1 : module);
	else
		snprintf(text, sizeof(text), "%s+0x%" PRIx64,
			 *module ? (slash ? slash + 1 : module) : "anonymous",
			 get(frame, "module_offset"));
	text_safe(safe, (size_t)width < sizeof(safe) ? (size_t)width + 1 : sizeof(safe), text,
		  strlen(text));
	puts(safe);
}

static void print_heading(const char *peak)
{
	printf("%s%10s %10s %10s %10s %10s  %s%s\n", terminal_strong(), "LIVE", peak, "ALLOCATED",
	       "COUNT", "TEMPORARY", "STACK", terminal_plain());
}

void report_table(const json_t *report, int width)
{
	const json_t *row, *frame;
	size_t i, k;

	print_heading("PEAK");
	json_array_foreach(json_object_get(report, "rows"), i, row)
	{
		const json_t *frames = json_object_get(row, "frames");
		print_sums(row);
		if (json_array_size(frames) == 0)
			puts("(no stack)");
		json_array_foreach(frames, k, frame)
		{
			if (k)
				printf("%*s", SUMS_WIDTH, "");
			print_frame(frame, width - SUMS_WIDTH);
		}
	}
}

void report_mapped(const json_t *mapped, int width)
{
	char live[UNITS_TEXT_MAX], peak[UNITS_TEXT_MAX], all[UNITS_TEXT_MAX], files[UNITS_TEXT_MAX];
	const json_t *row, *frame;
	size_t i, k;

	if (get(mapped, "mappings") + get(mapped, "unmappings") + get(mapped, "failed") == 0)
		return;
	printf("\nmapped      %s by the programs themselves, %s of it files; peak %s\n"
	       "            %" PRIu64 " mappings, %" PRIu64 " unmappings (%" PRIu64
	       " of what was there before), %" PRIu64 " remappings, %" PRIu64 " failed\n",
	       units_format_size(get(mapped, "live_bytes"), live),
	       units_format_size(get(mapped, "file_bytes"), files),
	       units_format_size(get(mapped, "peak_bytes"), peak), get(mapped, "mappings"),
	       get(mapped, "unmappings"), get(mapped, "unmap_of_unknown"),
	       get(mapped, "remappings"), get(mapped, "failed"));
	printf("%s%10s %10s %10s %10s %10s  %s%s\n", terminal_strong(), "LIVE", "PEAK", "MAPPED",
	       "COUNT", "OF FILES", "STACK", terminal_plain());
	json_array_foreach(json_object_get(mapped, "rows"), i, row)
	{
		printf("%10s %10s %10s %10" PRIu64 " %10s  ",
		       units_format_size(get(row, "live_bytes"), live),
		       units_format_size(get(row, "peak_bytes"), peak),
		       units_format_size(get(row, "mapped_bytes"), all), get(row, "calls"),
		       units_format_size(get(row, "file_bytes"), files));
		if (json_array_size(json_object_get(row, "frames")) == 0)
			puts("(no stack)");
		json_array_foreach(json_object_get(row, "frames"), k, frame)
		{
			if (k)
				printf("%*s", SUMS_WIDTH, "");
			print_frame(frame, width - SUMS_WIDTH);
		}
	}
}

static void print_children(const json_t *node, int depth, int width)
{
	const json_t *child;
	size_t i;

	json_array_foreach(json_object_get(node, "children"), i, child)
	{
		/* a chain of single callers needs no deeper indentation to be read */
		int indent = depth < 40 ? depth : 40;
		print_sums(child);
		printf("%*s", indent, "");
		print_frame(child, width - SUMS_WIDTH - indent);
		bool is_chain = json_array_size(json_object_get(node, "children")) == 1;
		print_children(child, depth + !is_chain, width);
	}
}

void report_tree(const json_t *tree, int width)
{
	/* stacks peak at different moments: their sum is what a branch held at most */
	print_heading("PEAK<=");
	print_sums(tree);
	puts("(all)");
	print_children(tree, 1, width);
}
