/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the log share. Functions return 0 or -errno. */
#ifndef HEAPTRAIL_AUDIT_LOG_PARTS_H
#define HEAPTRAIL_AUDIT_LOG_PARTS_H

#include "audit/log.h"
#include "audit/state.h"

#include <sys/types.h>

struct audit_log {
	struct audit_host host;
	struct audit_state state; /* as it is on the disk while we hold the lock */
	int directory;		  /* locked while anything is written */
	int fd, state_fd;
	uint64_t reserved_end; /* the disk is known to have room up to here */
	bool is_dead;
};

/* Why a new segment begins although the one before is not as it was left: the first record of the
 * new one says it. */
struct damage {
	char why[160]; /* "": none */
};

/* --- log.c --- */

/* Tells the host of a line that is on disk. */
void audit_log_mirror(const struct audit_log *log, const char *line, size_t size);

/* The next record, durable on return; what is not is taken back. */
int audit_log_write(struct audit_log *log, const struct audit_record *record);

/* -EINVAL: it is of another type; -EPERM: it belongs to another user, or others may write it. */
int audit_log_check_owner(int fd, mode_t type);

/* --- log_segment.c --- */

/* Opens both files anew. -ENOENT: the log's is not there; its state is then in `state`. -ENODATA:
 * there is no state, or it is none. */
int audit_log_reopen(struct audit_log *log);

/* Begins the segment after the state's. by_host: the segment before cannot vouch for it. */
int audit_log_begin_segment(struct audit_log *log, bool by_host, const char *result,
			    const char *why);

/* A crash while a segment began: either its file is in place, and its state follows, or nothing has
 * happened. */
int audit_log_settle(struct audit_log *log);

/* --- log_damage.c --- */

/* Is the file as the state says, but for what a crash explains? */
int audit_log_compare(struct audit_log *log, struct damage *damage);

#endif
