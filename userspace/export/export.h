/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other tools' formats, written row by row: a row is a stack with its sums (docs/report-json.md).
 * Some then take every event in order, too. A new format is a new row of the table, and a file of
 * its own.
 */
#ifndef HEAPTRAIL_EXPORT_EXPORT_H
#define HEAPTRAIL_EXPORT_EXPORT_H

#include "base/block_event.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct export
{
	FILE *out;
	const char *metric;   /* name of the sum that formats with one value take: "live_bytes" */
	const json_t *report; /* all but the rows */
	bool is_base;	      /* rows are of the capture that another one is compared with */
	void *state;	      /* the format's */
	bool has_failed;      /* out of memory; what the stream says comes on top */
};

struct export_format {
	const char *name, *summary;
	void (*begin)(struct export *export); /* NULL, here and below: nothing to do */
	void (*row)(struct export *export, const json_t *row);
	void (*event)(struct export *export, const struct block_event *event);
	void (*end)(struct export *export);
};

extern const struct export_format EXPORT_FOLDED, EXPORT_PPROF, EXPORT_SPEEDSCOPE, EXPORT_DHAT,
	EXPORT_MASSIF, EXPORT_HEAPTRACK, EXPORT_CSV, EXPORT_NDJSON, EXPORT_EVENTS;

/* In place of EXPORT_FOLDED, where two captures are compared. */
extern const struct export_format EXPORT_FOLDED_DIFFERENCE;

/* What a person reads for a frame: the function, or module+0xoffset. Returns text. */
char *export_frame_name(const json_t *frame, char *text, size_t size);

/* The first target's executable, or its name, and how many there are besides. Returns text. */
char *export_target_name(const json_t *report, char *text, size_t size);

/* Frames as valgrind writes them: "0x1234: function (file.c:10)"; each line once. */
struct export_lines {
	json_t *lines;	 /* array of texts */
	json_t *indexes; /* object: text -> its place in lines */
};

void export_lines_begin(struct export_lines *lines);
size_t export_lines_index(struct export_lines *lines, const json_t *frame);
void export_lines_end(struct export_lines *lines);

/* When the recording ended, in the time of its events: that of its series. */
uint64_t export_end_ns(const json_t *report);

/* A field that is a number, or 0. */
uint64_t export_number(const json_t *object, const char *field);

/* Their sum, of which what is beyond the numbers of JSON is cut, as that of a field is. */
uint64_t export_add(uint64_t a, uint64_t b);

/* A field that is a string, or "". */
const char *export_text(const json_t *object, const char *field);

#endif
