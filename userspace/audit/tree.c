// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/tree.h"

#include <sodium.h>
#include <string.h>

/* What is hashed begins with what it is, so that no leaf passes for a node. */
#define LEAF 0
#define NODE 1

static void join(uint8_t left[static AUDIT_HASH_BYTES],
		 const uint8_t right[static AUDIT_HASH_BYTES], uint8_t out[static AUDIT_HASH_BYTES])
{
	uint8_t bytes[1 + 2 * AUDIT_HASH_BYTES] = { NODE };

	memcpy(bytes + 1, left, AUDIT_HASH_BYTES);
	memcpy(bytes + 1 + AUDIT_HASH_BYTES, right, AUDIT_HASH_BYTES);
	crypto_hash_sha256(out, bytes, sizeof(bytes));
}

void audit_tree_add(struct audit_tree *tree, const uint8_t hash[static AUDIT_HASH_BYTES])
{
	uint8_t bytes[1 + AUDIT_HASH_BYTES] = { LEAF }, node[AUDIT_HASH_BYTES];
	unsigned i;

	memcpy(bytes + 1, hash, AUDIT_HASH_BYTES);
	crypto_hash_sha256(node, bytes, sizeof(bytes));
	for (i = 0; tree->size >> i & 1; i++)
		join(tree->nodes[i], node, node);
	memcpy(tree->nodes[i], node, sizeof(node));
	tree->size++;
}

void audit_tree_root(const struct audit_tree *tree, uint8_t root[static AUDIT_HASH_BYTES])
{
	uint8_t left[AUDIT_HASH_BYTES];
	bool is_first = true;

	crypto_hash_sha256(root, NULL, 0);
	for (unsigned i = 0; i < 64; i++) {
		if (!(tree->size >> i & 1))
			continue;
		memcpy(left, tree->nodes[i], sizeof(left));
		if (is_first)
			memcpy(root, left, sizeof(left));
		else
			join(left, root, root);
		is_first = false;
	}
}
