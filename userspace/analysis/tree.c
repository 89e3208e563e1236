// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/tree.h"

#include <stdlib.h>
#include <string.h>

static bool is_same(const struct named_frame *a, const struct named_frame *b)
{
	/* modules of one model share their path's pointer */
	if (a->module != b->module || strcmp(a->function, b->function) != 0)
		return false;
	return a->function[0] || a->offset == b->offset;
}

static bool has_calls(const struct stack_sums *sums)
{
	return sums->allocations || sums->reallocations;
}

void tree_add_sums(struct stack_sums *sums, const struct stack_sums *more)
{
	if (has_calls(more) && (!has_calls(sums) || more->first_ns < sums->first_ns))
		sums->first_ns = more->first_ns;
	if (more->last_ns > sums->last_ns)
		sums->last_ns = more->last_ns;
	sums->live_bytes += more->live_bytes;
	sums->live_blocks += more->live_blocks;
	sums->peak_bytes += more->peak_bytes;
	sums->peak_blocks += more->peak_blocks;
	sums->most_blocks += more->most_blocks;
	sums->at_peak_bytes += more->at_peak_bytes;
	sums->at_peak_blocks += more->at_peak_blocks;
	sums->allocated_bytes += more->allocated_bytes;
	sums->allocations += more->allocations;
	sums->reallocations += more->reallocations;
	sums->grown += more->grown;
	sums->grown_from_bytes += more->grown_from_bytes;
	sums->grown_to_bytes += more->grown_to_bytes;
	if (more->longest_chain > sums->longest_chain)
		sums->longest_chain = more->longest_chain;
	sums->frees += more->frees;
	sums->temporary += more->temporary;
	sums->ended += more->ended;
	sums->lifetime_ns += more->lifetime_ns;
	sums->lifetime_us += more->lifetime_us;
}

/* The child for this frame, moved to the front: callers come in runs. */
static struct tree_node *child_of(struct tree_node *node, const struct named_frame *frame)
{
	for (struct tree_node **link = &node->children; *link; link = &(*link)->next) {
		struct tree_node *child = *link;
		if (!is_same(&child->frame, frame))
			continue;
		*link = child->next;
		child->next = node->children;
		node->children = child;
		return child;
	}
	struct tree_node *child = calloc(1, sizeof(*child));
	if (child) {
		child->frame = *frame;
		child->next = node->children;
		node->children = child;
	}
	return child;
}

static bool add_frame(struct tree_node **node, const struct named_frame *frame,
		      const struct stack_sums *sums)
{
	*node = child_of(*node, frame);
	if (*node)
		tree_add_sums(&(*node)->sums, sums);
	return *node;
}

static bool add_stack(const struct model *model, struct tree_node *root, const struct stack *stack,
		      bool is_bottom_up)
{
	struct named_frame names[NAMES_INLINE_MAX];
	const struct stack_sums sums = model_sums(model, &stack->sums);
	struct tree_node *node = root;

	tree_add_sums(&root->sums, &sums);
	for (uint32_t i = 0; i < stack->frame_count; i++) {
		uint32_t at = is_bottom_up ? i : stack->frame_count - 1 - i;
		size_t count = frame_names(model, &stack->frames[at], names);
		for (size_t k = 0; k < count; k++)
			if (!add_frame(&node, &names[is_bottom_up ? k : count - 1 - k], &sums))
				return false;
	}
	return true;
}

struct tree_node *tree_new(const struct model *model, bool is_bottom_up)
{
	struct tree_node *root = calloc(1, sizeof(*root));

	for (size_t i = 0; root && i < model->stack_count; i++) {
		const struct stack *stack = &model->stacks[i];
		if (!stack_sums_has_any(&stack->sums))
			continue;
		if (!add_stack(model, root, stack, is_bottom_up)) {
			tree_free(root);
			root = NULL;
		}
	}
	return root;
}

void tree_free(struct tree_node *root)
{
	/* without recursion: children are spliced in front of the list that is being freed */
	while (root) {
		struct tree_node *next = root->next;
		if (root->children) {
			struct tree_node *last = root->children;
			while (last->next)
				last = last->next;
			last->next = next;
			next = root->children;
		}
		free(root);
		root = next;
	}
}
