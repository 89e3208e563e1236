/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One audit record: a line of JSON, ASCII only, at most AUDIT_LINE_MAX bytes (docs/audit-log.md).
 */
#ifndef HEAPTRAIL_AUDIT_RECORD_H
#define HEAPTRAIL_AUDIT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AUDIT_LINE_MAX	 4096
#define AUDIT_HASH_BYTES 32

/*
 * Who asked. Strings come from /proc and are hostile; they have room for more than a record takes,
 * so that one which was cut here is marked as cut there.
 */
struct audit_subject {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	uid_t auid;	  /* login uid; (uid_t)-1: none */
	uint32_t session; /* (uint32_t)-1: none */
	char exe[1024];
	char cgroup[512];
};

/* Which file. */
struct audit_object {
	uint8_t capture_id[16];
	uint8_t header_hash[AUDIT_HASH_BYTES];
	uint64_t device, inode, size;
	const char *state; /* NULL: not said */
};

struct audit_record {
	const char *operation;		     /* "capture.start", "open.grant", … */
	const char *result;		     /* "ok", "denied", "failed" */
	const struct audit_subject *subject; /* NULL: the vault itself */
	const struct audit_object *object;   /* NULL: none */
	const char *why;	/* the reason that was given, or what failed; NULL: none */
	const char *rule;	/* what allowed or denied it; NULL: none */
	const char *numbers[4]; /* names of the values, NULL after the last */
	uint64_t values[4];
};

/* What the log adds to each record. */
struct audit_position {
	uint64_t sequence;
	uint8_t previous[AUDIT_HASH_BYTES]; /* SHA-256 of the whole line before */
};

/*
 * Writes the line, with its newline. Strings that are too long are cut, and end with \u2026 there.
 * Returns its length.
 */
size_t audit_record_format(const struct audit_record *record, const struct audit_position *position,
			   char line[static AUDIT_LINE_MAX]);

/*
 * Is it a line as audit_record_format() writes it, with or without its newline? A torn one may
 * begin with a brace and end with one, but it does not end with the hash, which comes last.
 */
bool audit_record_is(const char *line, size_t size);

/* The number that a record claims; 0 where it has none. */
uint64_t audit_record_sequence(const char *line, size_t size);

#endif
