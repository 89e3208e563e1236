/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who calls a function, and whom it calls, with the sums of the stacks that lead through it. */
#ifndef HEAPTRAIL_ANALYSIS_PEEK_H
#define HEAPTRAIL_ANALYSIS_PEEK_H

#include "analysis/model.h"

/* Another function, or none. */
struct peek_neighbour {
	const char *function, *module;
	struct stack_sums sums;
	struct peek_neighbour *next;
};

/*
 * A stack counts once, however often it passes through the function: its caller is that of the
 * outermost call, its callee that of the innermost one. So callers and what has none, and callees
 * and what the function allocates itself, add up to the sums.
 */
struct peek_function {
	const char *function, *module;
	struct stack_sums sums;
	struct stack_sums own;	     /* of stacks that begin with it: it has called no other */
	struct stack_sums outermost; /* of stacks that end with it */
	struct peek_neighbour *callers, *callees; /* lists, in no order */
	uint32_t last_caller_of, last_callee_of;  /* stack + 1 that was added last */
};

struct peek {
	struct peek_function *functions;
	size_t count;
};

/* Every function whose name the pattern (base/glob.h) matches. 0 or -ENOMEM. */
int peek_find(const struct model *model, const char *pattern, struct peek *peek);

void peek_free(struct peek *peek);

#endif
