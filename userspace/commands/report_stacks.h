/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of a report, width columns wide. */
#ifndef HEAPTRAIL_COMMANDS_REPORT_STACKS_H
#define HEAPTRAIL_COMMANDS_REPORT_STACKS_H

#include <jansson.h>
#include <stddef.h>

/* The text of a row: its frames, one below the other. */
struct columns;
void report_frames(const struct columns *columns, const json_t *frames);

/* By stack, or the tree of calls. */
void report_table(const json_t *report, int width);
void report_tree(const json_t *tree, const char *sort, int width);

/* Four lists: what held most, in bytes and blocks, at one time and at the end. */
void report_hotspots(const json_t *hotspots, int width);

/* What was mapped, where that was recorded and happened. */
void report_mapped(const json_t *mapped, int width);

/* By function, module, thread or allocator: the first limit of them; 0: all. */
void report_groups(const json_t *groups, const char *by, const char *sort, size_t limit, int width);

/* Functions with their callers and callees, the first limit of each; 0: all. Shares are of what
 * sort names. */
void report_peek(const json_t *functions, const char *sort, size_t limit, int width);

/* Blocks by size, and by how long they lived. */
void report_histograms(const json_t *report);

#endif
