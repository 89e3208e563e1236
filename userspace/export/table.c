// SPDX-License-Identifier: GPL-2.0-or-later
/* A line for each stack: comma-separated values (RFC 4180), or JSON. */
#include "export/export.h"

#include <inttypes.h>
#include <string.h>

static const char *const SUMS[] = { "live_bytes",  "live_blocks",   "peak_bytes", "allocated_bytes",
				    "allocations", "reallocations", "frees",	  "temporary",
				    "first_ns",	   "last_ns" };

#define SUM_COUNT (sizeof(SUMS) / sizeof(SUMS[0]))

static void begin_csv(struct export *export)
{
	for (size_t i = 0; i < SUM_COUNT; i++)
		fprintf(export->out, "%s,", SUMS[i]);
	fputs("status,stack\r\n", export->out);
}

static void write_csv(struct export *export, const json_t *row)
{
	const json_t *frames = json_object_get(row, "frames");

	for (size_t i = 0; i < SUM_COUNT; i++)
		fprintf(export->out, "%" PRIu64 ",", export_number(row, SUMS[i]));
	fprintf(export->out, "%s,\"", export_text(row, "status"));
	for (size_t i = 0; i < json_array_size(frames); i++) {
		char name[1024];
		export_frame_name(json_array_get(frames, i), name, sizeof(name));
		/* what a spreadsheet would take for a formula, it does not behind this */
		fputs(i ? " < " : *name && strchr("=+-@", *name) ? "'" : "", export->out);
		for (const char *p = name; *p; p++) {
			if (*p == '"') /* is written twice */
				putc('"', export->out);
			putc(*p, export->out);
		}
	}
	fputs("\"\r\n", export->out);
}

static void write_ndjson(struct export *export, const json_t *row)
{
	json_dumpf(row, export->out, JSON_COMPACT | JSON_ENSURE_ASCII);
	putc('\n', export->out);
}

const struct export_format EXPORT_CSV = { "csv",     "a line for each stack, leaf first",
					  begin_csv, write_csv,
					  NULL,	     NULL };
const struct export_format EXPORT_NDJSON = {
	"ndjson", "a JSON object for each stack, as in report --json", NULL, write_ndjson, NULL,
	NULL
};
