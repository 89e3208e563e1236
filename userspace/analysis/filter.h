/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which blocks a question is about. The same object narrows every figure of an answer: sums, tables
 * and trees are those of the blocks that pass, from their allocation to their end. A new condition
 * is a new row.
 */
#ifndef HEAPTRAIL_ANALYSIS_FILTER_H
#define HEAPTRAIL_ANALYSIS_FILTER_H

#include "base/suppressions.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define FILTER_TEXT_MAX 256

struct filter {
	bool is_set;		     /* otherwise everything passes */
	uint64_t pid;		     /* 0: any */
	uint64_t address;	     /* of the block; 0: any */
	uint64_t holding;	     /* an address in the block; 0: any */
	uint64_t size_min, size_max; /* bytes asked for */
	uint64_t from_ns, to_ns; /* allocated in there; what comes after to_ns has not happened */
	uint64_t at_peak;	 /* 1: nor has what comes after the moment when most was live */
	uint64_t is_live;	 /* 1: at the end, or at that moment */
	uint64_t age_min_ns, age_max_ns; /* from the allocation to the end of the recording */
	/* patterns (base/glob.h); "": any */
	char thread[FILTER_TEXT_MAX];	/* name of the allocating one */
	char function[FILTER_TEXT_MAX]; /* of a frame of the stack */
	char module[FILTER_TEXT_MAX];	/* file name of a frame's module */
	char not_function[FILTER_TEXT_MAX], not_module[FILTER_TEXT_MAX]; /* of no frame */
	char process[FILTER_TEXT_MAX]; /* name of the allocating one, or of its executable's file */
	char allocator[FILTER_TEXT_MAX]; /* function that returned it */
	char cgroup[FILTER_TEXT_MAX];	 /* of the allocating process, or one above that */
	char tag[FILTER_TEXT_MAX];	 /* that it has, or of one above that */
	/* names of moments, which come in place of from_ns and to_ns; "": none */
	char from_mark[FILTER_TEXT_MAX], to_mark[FILTER_TEXT_MAX];
	/* what is known and accepted, one pattern on each line (base/suppressions.h); "": none */
	char suppressed[SUPPRESSIONS_TEXT_MAX];
};

/* Everything passes. */
#define FILTER_NONE                                                                   \
	{                                                                             \
		.size_max = UINT64_MAX, .to_ns = UINT64_MAX, .age_max_ns = UINT64_MAX \
	}

/* From {"pid": 1, "size_min": …, …}, or NULL for everything. NULL, or what is wrong with it. */
const char *filter_parse(const json_t *object, struct filter *filter);

/* Does it need the names of frames? */
bool filter_needs_names(const struct filter *filter);

/* Does it need to know when moments were? */
bool filter_needs_marks(const struct filter *filter);

/* Does it need to know when the recording ended? */
bool filter_needs_end(const struct filter *filter);

#endif
