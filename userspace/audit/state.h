/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the next record needs to be written, and what nobody may have who can read the log: the key
 * of its MAC, and the key that signs the next segment's. Kept in a file beside the log, written
 * over in place after each record, so that what could forge older records is gone. It also says how
 * long the log is: one that is shorter was cut.
 */
#ifndef HEAPTRAIL_AUDIT_STATE_H
#define HEAPTRAIL_AUDIT_STATE_H

#include "audit/record.h"

#define AUDIT_STATE_NAME     "state"
#define AUDIT_STATE_NEW_NAME "state.new"

struct audit_state {
	struct audit_position next; /* of the next record */
	uint64_t size;		    /* of the segment's file, all records before the next */
	uint8_t seed[32];	    /* of the segment's Ed25519 key */
	uint8_t auditors[16]; /* to whom the segment's first key was given (struct audit_host) */
	bool is_failed;	      /* a write to this segment's file failed: no more goes there */
};

/* What of it is no secret: the segment, the next record's sequence, the file's size, the last hash.
 */
struct audit_extent {
	uint64_t segment, sequence, size;
	uint8_t previous[AUDIT_HASH_BYTES];
};

/* Opens or creates directory/name, 0600. The descriptor or -errno. */
int audit_state_open(int directory, const char *name, bool create);

/* 0; -ENODATA: the file is empty; -EBADMSG: not a state, or one that was torn. */
int audit_state_read(int fd, struct audit_state *state);
int audit_state_read_extent(int fd, struct audit_extent *extent);

int audit_state_write(int fd, const struct audit_state *state);

/* Overwrites it on the disk. */
int audit_state_wipe(int fd);

#endif
