/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scopes that threads are in, by what they told of them, and the tags that these give to what
 * is allocated in them. A tag is known by its name; the last scope that a thread entered, and has
 * not left, counts.
 *
 * Each mark says how deep its thread is in scopes: where one before it was lost, what is known of
 * the thread is brought in line with that, and scopes of which nothing is known have no tag.
 */
#ifndef HEAPTRAIL_ANALYSIS_TAGS_H
#define HEAPTRAIL_ANALYSIS_TAGS_H

#include "base/map.h"
#include "capture/records.h"

#define TAG_NONE      0	    /* its name is "" */
#define TAG_OTHERS    1	    /* those beyond TAGS_MAX, which are not told apart */
#define TAGS_MAX      65536 /* with these two */
#define TAG_DEPTH_MAX 64    /* deeper scopes have the tag of this one */

struct tags {
	char **names; /* by number */
	uint32_t count;
	struct map numbers; /* hash of a name, or one after it -> number */
	struct map scopes;  /* thread + 1 -> struct scopes, of those that are in one */
	uint64_t begun;	    /* scopes */
	uint64_t unmatched; /* ends of none */
	uint64_t too_deep;  /* scopes below TAG_DEPTH_MAX */
	uint64_t missing;   /* beginnings and ends that did not come, as far as others tell */
};

/* The number of a name, which may be a new one. 0 or -ENOMEM. */
int tags_number(struct tags *tags, const char *name, uint32_t *number);

const char *tags_name(const struct tags *tags, uint32_t number);

/* One mark, of those that tell of scopes. tag: of its name. 0 or -ENOMEM. */
int tags_apply(struct tags *tags, uint32_t thread, uint8_t what, uint32_t depth, uint32_t tag);

/* The tag of what the thread allocates now; how many scopes it is in. */
uint32_t tags_top(const struct tags *tags, uint32_t thread);
uint32_t tags_depth(const struct tags *tags, uint32_t thread);

/* The thread has ended, or runs another program. */
void tags_forget(struct tags *tags, uint32_t thread);

/* Each scope that a thread is in, as far as they are told apart, outermost first. depth: from 1. */
typedef void tags_visit_fn(void *context, uint32_t thread, uint32_t depth, uint32_t tag);
void tags_visit(const struct tags *tags, tags_visit_fn *visit, void *context);

void tags_free(struct tags *tags);

#endif
