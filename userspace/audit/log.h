/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit log: append-only files of records, each with the hash of the line before it and a MAC
 * whose key is gone once the record is written. An append has succeeded only when it is on disk;
 * after a failed one this process appends nothing more, so that nothing that depends on a record
 * happens without it.
 */
#ifndef HEAPTRAIL_AUDIT_LOG_H
#define HEAPTRAIL_AUDIT_LOG_H

#include "audit/record.h"
#include "audit/segments.h"

#include <stdbool.h>

struct audit_log;

/* What the log needs of the keys' holder. */
struct audit_host {
	void *context;
	uint8_t public_key[32]; /* Ed25519 */
	/* Signs the first segment's key, and one that nothing else can vouch for. */
	void (*sign)(void *context, const void *message, size_t size, uint8_t signature[static 64]);
	/*
	 * The key as the auditors can open it, each in printable ASCII without quotation marks and
	 * backslashes, with a space between them; "" where there is none. 0 or -errno.
	 */
	int (*wrap)(void *context, const uint8_t key[static AUDIT_KEY_BYTES],
		    char text[static AUDIT_WRAPPED_MAX]);
	/* Gets a copy of each line that is on disk. NULL: nobody does. */
	void (*mirror)(void *context, const char *line, size_t size);
	uint8_t auditors[16]; /* differs where the auditors do: new ones get the key of a new
				 segment */
};

/*
 * Opens the log in the directory, creating it (0700, files 0600). A torn last line (a crash while
 * it was written) is ended, and a record says so; a log that was cut, removed or added to while
 * nobody wrote it, or whose state is lost, goes on in a new segment whose first record says that. 0
 * or -errno; -EBADMSG: its end is not what this wrote; -EPERM: directory or files belong to another
 * user, or others may write them.
 */
int audit_log_open(const char *directory, const struct audit_host *host, struct audit_log **log);

/*
 * 0: durable. -errno: it is not, and the log takes no more; -EBADMSG: the file has shrunk, or is
 * gone. -ENOSPC for a record that is a gate: nothing is written, since the disk has no room for the
 * records that would follow; others are taken still.
 */
int audit_log_append(struct audit_log *log, const struct audit_record *record);

/*
 * Signs what the log holds now (audit/checkpoint.h), into the file `checkpoint` in its directory. 0
 * or -errno; -ESTALE: lines are missing, so there is nothing to sign. Implemented in audit/seal.c.
 */
int audit_log_seal(const char *directory, const struct audit_host *host);

void audit_log_close(struct audit_log *log);

#endif
