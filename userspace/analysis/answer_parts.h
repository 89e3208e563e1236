/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of an answer are made of. A new reference each. */
#ifndef HEAPTRAIL_ANALYSIS_ANSWER_PARTS_H
#define HEAPTRAIL_ANALYSIS_ANSWER_PARTS_H

#include "analysis/frames.h"
#include "analysis/model.h"
#include "analysis/overhead.h"

#include <jansson.h>
#include <stdbool.h>

/* What one document holds, whatever a capture does: texts are cut, frames of a stack left out, and
 * rows end once all frames weigh so much: about a gigabyte of JSON values. */
#define ANSWER_WEIGHT_MAX     1000000
#define ANSWER_ROW_FRAMES_MAX 4096 /* with inlined calls: what a walk finds is far less */
#define ANSWER_TEXT_MAX	      4096

json_t *answer_number(uint64_t value);
json_t *answer_text(const char *string);

/* *weight, where it is not NULL, grows by one for each frame, and for each 256 bytes of its texts.
 */
json_t *answer_frame(const struct named_frame *frame, size_t *weight);
json_t *answer_frames(const struct model *model, const struct stack *stack, size_t *weight);

/* enum stack_status (bpf/event.h) as docs/report-json.md lists it; "unknown" beyond the last. */
const char *answer_status(const struct stack *stack);
const char *answer_status_name(size_t status);

/* By what rows and nodes of the tree are sorted. NULL: there is no such key. */
struct sort_key;
const struct sort_key *answer_sort_key(const char *name);
const char *answer_sort_name(const struct sort_key *key);

/*
 * One row per stack that allocated, best first, without the first `from` of them; limit 0: all, as
 * far as one document can hold them. overhead not NULL: with it, "over_time" and "growth". *total:
 * how many rows there are.
 */
json_t *answer_rows(const struct model *model, const struct sort_key *key, size_t from,
		    size_t limit, const struct overhead *overhead, size_t *total);

/* The moments that "over_time" of rows is of. */
json_t *answer_moments(const struct model *model);

/* The stack that grows most, or null. */
json_t *answer_growing(const struct model *model);

/* The first rows by peak, by most blocks, by what is live and by how many blocks that are. */
json_t *answer_hotspots(const struct model *model, size_t limit);

/* is_bottom_up: from the functions that allocate to their callers. */
json_t *answer_tree(const struct model *model, const struct sort_key *key, bool is_bottom_up);

/* Sets the fields of docs/report-json.md, "Sums". */
void answer_sums(json_t *object, const struct stack_sums *sums);
uint64_t answer_value(const struct stack_sums *sums, const struct sort_key *key);

/* Blocks by their size, and those that ended by how long they lived: powers of two. */
json_t *answer_sizes(const struct model *model);
json_t *answer_lifetimes(const struct model *model);

/* Sums by "function", "module", "thread", "thread-name", "executable", "allocator", "cgroup" or "tag", best
 * first. NULL: by nothing that is known, or out of memory. */
json_t *answer_groups(const struct model *model, const char *by, const struct sort_key *key);

/* Functions whose names the pattern matches, with their callers and callees. NULL: out of memory.
 */
json_t *answer_peek(const struct model *model, const char *pattern, const struct sort_key *key);

/* Moments that programs told of, and how many there were; what is known of their scopes, or null. */
json_t *answer_markers(const struct model *model);
json_t *answer_tags(const struct model *model);

/* What was mapped: totals, and the stacks that hold most, limit as above. */
json_t *answer_mapped(const struct model *model, size_t limit);

#endif
