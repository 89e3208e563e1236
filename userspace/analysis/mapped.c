// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/mapped.h"

#include "base/map.h"

#include <bsd/sys/tree.h>
#include <errno.h>
#include <stdlib.h>

struct node {
	RB_ENTRY(node) links;
	struct range range;
};

static int by_address(const struct node *a, const struct node *b)
{
	if (a->range.target != b->range.target)
		return a->range.target < b->range.target ? -1 : 1;
	return a->range.address < b->range.address ? -1 : a->range.address > b->range.address;
}

RB_HEAD(ranges, node);
RB_GENERATE_INTERNAL(ranges, node, links, by_address, __attribute__((unused)) static)

struct mapped {
	struct ranges ranges; /* no two overlap */
	struct map programs;  /* target + 1 -> number of its program, where that is not 0 */
};

struct mapped *mapped_new(void)
{
	return calloc(1, sizeof(struct mapped));
}

void mapped_free(struct mapped *mapped)
{
	struct node *node, *next;

	if (!mapped)
		return;
	RB_FOREACH_SAFE(node, ranges, &mapped->ranges, next)
	{
		RB_REMOVE(ranges, &mapped->ranges, node);
		free(node);
	}
	map_free(&mapped->programs);
	free(mapped);
}

static int insert(struct mapped *mapped, const struct range *range)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	node->range = *range;
	RB_INSERT(ranges, &mapped->ranges, node);
	return 0;
}

static uint64_t end_of(const struct range *range)
{
	return range->address + range->size;
}

/* The first range of the target, or of a later one, that ends behind address. */
static struct node *first_behind(struct mapped *mapped, uint32_t target, uint64_t address)
{
	struct node wanted = { .range = { .target = target, .address = address } };
	struct node *node = RB_NFIND(ranges, &mapped->ranges, &wanted);
	struct node *before = node ? RB_PREV(ranges, &mapped->ranges, node)
				   : RB_MAX(ranges, &mapped->ranges);

	return before && before->range.target == target && end_of(&before->range) > address ? before
											    : node;
}

/* Takes [from, to) out of the node's range, which has all of it. */
static int cut(struct mapped *mapped, struct node *node, uint64_t from, uint64_t to)
{
	struct range *range = &node->range, rest = *range;

	if (to < end_of(range)) {
		rest.address = to;
		rest.size = end_of(range) - to;
		/* one that begins later keeps its place in the order */
		if (from == range->address) {
			*range = rest;
			return 0;
		}
		int err = insert(mapped, &rest);
		if (err)
			return err;
	}
	range->size = from - range->address;
	if (!range->size) {
		RB_REMOVE(ranges, &mapped->ranges, node);
		free(node);
	}
	return 0;
}

int mapped_remove(struct mapped *mapped, uint32_t target, uint64_t address, uint64_t size,
		  uint64_t entry_ns, mapped_gone_fn *gone, void *context, uint64_t *known)
{
	uint64_t end = size > UINT64_MAX - address ? UINT64_MAX : address + size;
	struct node *node = first_behind(mapped, target, address), *next;
	int err = 0;

	*known = 0;
	for (; !err && node && node->range.target == target && node->range.address < end;
	     node = next) {
		struct range before = node->range;
		uint64_t from = before.address > address ? before.address : address;
		uint64_t to = end_of(&before) < end ? end_of(&before) : end;
		next = RB_NEXT(ranges, &mapped->ranges, node);
		if (before.time_ns > entry_ns)
			continue;
		err = cut(mapped, node, from, to);
		if (err)
			break;
		*known += to - from;
		if (gone)
			gone(context, &before, to - from);
	}
	return err;
}

int mapped_add(struct mapped *mapped, struct range *range, mapped_gone_fn *gone, void *context)
{
	uint64_t replaced;

	/* a signed capture may say anything */
	if (range->size > UINT64_MAX - range->address)
		range->size = UINT64_MAX - range->address;
	if (!range->size)
		return 0;
	int err = mapped_remove(mapped, range->target, range->address, range->size, UINT64_MAX,
				gone, context, &replaced);
	return err ? err : insert(mapped, range);
}

int mapped_enter_program(struct mapped *mapped, uint32_t target, uint32_t program,
			 mapped_gone_fn *gone, void *context)
{
	const uint64_t *known = map_get(&mapped->programs, (uint64_t)target + 1);
	uint64_t ended;

	if (program <= (known ? *known : 0))
		return 0;
	int err = map_put(&mapped->programs, (uint64_t)target + 1, program);
	return err ? err
		   : mapped_remove(mapped, target, 0, UINT64_MAX, UINT64_MAX, gone, context,
				   &ended);
}

void mapped_visit(struct mapped *mapped, mapped_visit_fn *visit, void *context)
{
	struct node *node;

	RB_FOREACH(node, ranges, &mapped->ranges)
	visit(context, &node->range);
}
