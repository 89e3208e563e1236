/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether segments of one series that are looked at together follow each other. */
#ifndef HEAPTRAIL_COMMANDS_SERIES_H
#define HEAPTRAIL_COMMANDS_SERIES_H

#include "capture/read.h"

#include <stdbool.h>
#include <stddef.h>

struct series_list {
	struct series_item {
		const char *path; /* the caller's */
		struct capture_header header;
		uint8_t chain[32]; /* after its last chunk */
	} * items;
	size_t count;
};

/* A capture whose signatures hold. 0 or -ENOMEM. */
int series_list_add(struct series_list *list, const char *path, const struct capture_header *header,
		    const uint8_t chain[static 32]);

/* The segment before that at path is missing, or is not the one that it continues. */
typedef void series_fn(void *context, const char *path, bool is_missing, const char *reason);

/*
 * Tells of each segment that does not continue the one before it. Which is the last cannot be told
 * from files, and the first may have been deleted: the audit log knows.
 */
void series_list_check(struct series_list *list, series_fn *fn, void *context);

void series_list_free(struct series_list *list);

#endif
