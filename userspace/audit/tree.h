/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Merkle tree of RFC 6962, section 2.1, over the hashes of the log's lines, in the log's order:
 * its root stands for all lines so far. Only the roots of its complete subtrees are kept.
 */
#ifndef HEAPTRAIL_AUDIT_TREE_H
#define HEAPTRAIL_AUDIT_TREE_H

#include "audit/record.h"

struct audit_tree {
	uint64_t size;			     /* lines */
	uint8_t nodes[64][AUDIT_HASH_BYTES]; /* [i]: of the subtree with 2^i lines, where size has
						bit i */
};

/* Adds the line with this hash (struct audit_line). */
void audit_tree_add(struct audit_tree *tree, const uint8_t hash[static AUDIT_HASH_BYTES]);

void audit_tree_root(const struct audit_tree *tree, uint8_t root[static AUDIT_HASH_BYTES]);

#endif
