/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit log: an append-only file of records, each with the hash of the line before it. An
 * append has succeeded only when it is on disk; after a failed one this process appends nothing
 * more, so that nothing that depends on a record happens without it.
 */
#ifndef HEAPTRAIL_AUDIT_LOG_H
#define HEAPTRAIL_AUDIT_LOG_H

#include "audit/record.h"

#include <stdbool.h>

#define AUDIT_FILE_NAME "audit.log"

struct audit_log;

/*
 * Opens directory/audit.log, creating both (0700, 0600). A torn last line (a crash while it was
 * written) is ended, and a record says so. 0 or -errno; -EBADMSG: its end is not what this wrote;
 * -EPERM: directory or file belong to another user, or others may write them.
 */
int audit_log_open(const char *directory, struct audit_log **log);

/* 0: durable. -errno: it is not, and the log takes no more; -EBADMSG: the file has shrunk, or is
 * gone. */
int audit_log_append(struct audit_log *log, const struct audit_record *record);

void audit_log_close(struct audit_log *log);

/* What verification of a log found. */
struct audit_verdict {
	uint64_t records;
	uint64_t torn; /* lines that are no record, each mentioned by the record after it */
	bool is_intact;
	char reason[128]; /* the first thing that is wrong, with its line */
};

/*
 * Calls visit for each line (without its newline, and at most AUDIT_LINE_MAX bytes of it, any
 * bytes) of directory/audit.log, in order, and checks sequence and chain. visit may be NULL. What
 * lacks at the end, or a chain that was computed anew, is not found: nothing in the file tells. 0
 * or -errno. Implemented in audit/read.c.
 */
int audit_log_read(const char *directory,
		   void (*visit)(void *context, const char *line, size_t size), void *context,
		   struct audit_verdict *verdict);

#endif
