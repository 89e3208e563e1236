/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the captures that the audit log knows are there, and are those that it knows. */
#ifndef HEAPTRAIL_COMMANDS_INVENTORY_H
#define HEAPTRAIL_COMMANDS_INVENTORY_H

#include <stdbool.h>

enum inventory_state {
	INVENTORY_COMPLETE,
	INVENTORY_INCOMPLETE, /* its recording did not end, or has not yet */
	INVENTORY_TAMPERED,   /* it is not what the log says: changed, cut, put back, or made
				 elsewhere */
	INVENTORY_MISSING,
	INVENTORY_UNKNOWN, /* whole, but the log does not know it: added */
};

/* For each capture: its path, or where it is missing its id. */
typedef void inventory_fn(void *context, const char *name, enum inventory_state state,
			  const char *reason);

/* A capture whose end is not on record, and as far as it goes. True: that is on record now. */
struct capture_header;
struct capture_verdict;
typedef bool inventory_seal_fn(void *context, int fd, const struct capture_header *header,
			       const struct capture_verdict *verdict);

/*
 * Compares the files in the directories (a list that ends with NULL) with the log in log_directory.
 * seal: NULL, or is asked for each capture that broke off. Prints what keeps it from that; an exit
 * status.
 */
int inventory_take(const char *log_directory, char *const *directories, inventory_fn *fn,
		   inventory_seal_fn *seal, void *context);

#endif
