// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/series.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int series_list_add(struct series_list *list, const char *path, const struct capture_header *header,
		    const uint8_t chain[static 32])
{
	struct series_item *grown = realloc(list->items, (list->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->items = grown;
	grown[list->count] = (struct series_item) { .path = path, .header = *header };
	memcpy(grown[list->count++].chain, chain, sizeof(grown->chain));
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct series_item *left = a, *right = b;
	int order = memcmp(left->header.series_id, right->header.series_id,
			   sizeof(left->header.series_id));

	if (order)
		return order;
	return left->header.segment < right->header.segment
		       ? -1
		       : left->header.segment > right->header.segment;
}

static void check_pair(const struct series_item *before, const struct series_item *item,
		       series_fn *fn, void *context)
{
	char reason[512];
	bool is_missing = item->header.segment > before->header.segment + 1;

	if (memcmp(before->header.capture_id, item->header.capture_id,
		   sizeof(item->header.capture_id)) == 0)
		return;
	if (item->header.segment == before->header.segment + 2)
		snprintf(reason, sizeof(reason),
			 "segment %u of its series is not among these files",
			 before->header.segment + 1);
	else if (is_missing)
		snprintf(reason, sizeof(reason),
			 "segments %u to %u of its series are not among these files",
			 before->header.segment + 1, item->header.segment - 1);
	else
		snprintf(reason, sizeof(reason),
			 "it does not continue %.400s, the segment before it", before->path);
	if (is_missing || before->header.segment == item->header.segment ||
	    memcmp(item->header.previous, before->chain, sizeof(before->chain)) != 0)
		fn(context, item->path, is_missing, reason);
}

void series_list_check(struct series_list *list, series_fn *fn, void *context)
{
	if (list->count)
		qsort(list->items, list->count, sizeof(*list->items), by_place);
	for (size_t i = 1; i < list->count; i++)
		if (memcmp(list->items[i - 1].header.series_id, list->items[i].header.series_id,
			   sizeof(list->items[i].header.series_id)) == 0)
			check_pair(&list->items[i - 1], &list->items[i], fn, context);
}

void series_list_free(struct series_list *list)
{
	free(list->items);
}
