/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of a log's file, from any byte on, whatever is in it, in little memory. */
#ifndef HEAPTRAIL_AUDIT_LINES_H
#define HEAPTRAIL_AUDIT_LINES_H

#include "audit/record.h"

#include <stdbool.h>

struct audit_line {
	const char *text; /* without its newline, and at most AUDIT_LINE_MAX bytes of it */
	size_t kept;	  /* bytes of text */
	uint64_t size;	  /* of the line, without its newline */
	bool is_finished; /* has a newline */
	bool is_record;
	/* As the record after it has it: of the whole line with its newline; of one that is no
	 * record, without, since that was not there when the hash was needed. */
	uint8_t hash[AUDIT_HASH_BYTES];
};

/*
 * Calls visit for each line in bytes [from, to) of the file, in order; a nonzero result ends it,
 * and is returned. 0 or -errno; -ENODATA: the file ends before.
 */
int audit_lines_read(int fd, uint64_t from, uint64_t to,
		     int (*visit)(void *context, const struct audit_line *line), void *context);

#endif
