/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The call tree from the outermost caller down, or from the callee up, with the sums of all stacks
 * that pass through each node. */
#ifndef HEAPTRAIL_ANALYSIS_TREE_H
#define HEAPTRAIL_ANALYSIS_TREE_H

#include "analysis/frames.h"

struct tree_node {
	struct named_frame frame; /* of the first stack that came through */
	struct stack_sums sums;
	struct tree_node *children; /* a list, in no order */
	struct tree_node *next;
};

/*
 * Builds the tree of every stack of the model. A node is a function of a module (or an address
 * without a name), whatever line it called from. NULL: out of memory.
 */
struct tree_node *tree_new(const struct model *model, bool is_bottom_up);

/* more: of a stack that allocated */
void tree_add_sums(struct stack_sums *sums, const struct stack_sums *more);

void tree_free(struct tree_node *root);

#endif
