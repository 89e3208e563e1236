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
#define AUDIT_KEY_BYTES	 32

/* Text that gives a segment's first key to the auditors, for each of them at most 384 bytes. */
#define AUDIT_AUDITORS_MAX 4
#define AUDIT_WRAPPED_MAX  (AUDIT_AUDITORS_MAX * 385)

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

/* What the first record of a segment says of its keys. */
struct audit_handover {
	uint8_t public_key[32];		 /* Ed25519; its secret half signs the next segment's */
	uint8_t signature[64];		 /* of audit_handover_message() */
	bool is_by_host;		 /* signed by the host key, not by the segment before */
	char wrapped[AUDIT_WRAPPED_MAX]; /* first MAC key, for auditors; "": for nobody */
};

struct audit_record {
	const char *operation;		     /* "capture.start", "open.grant", … */
	const char *result;		     /* "ok", "denied", "failed" */
	const struct audit_subject *subject; /* NULL: the vault itself */
	const struct audit_object *object;   /* NULL: none */
	const char *why;	/* the reason that was given, or what failed; NULL: none */
	const char *asked;	/* what was to be done with a capture: "view", …; NULL: none */
	const char *rule;	/* what allowed or denied it; NULL: none */
	const char *numbers[4]; /* names of the values, NULL after the last */
	uint64_t values[4];
	const struct audit_handover *handover; /* NULL: not the first of a segment */
	bool is_gate; /* something is done because of it, which waits if the disk is nearly full */
};

/* What the log adds to each record. */
struct audit_position {
	uint64_t segment, sequence;
	uint8_t previous[AUDIT_HASH_BYTES]; /* SHA-256 of the whole line before */
	uint8_t key[AUDIT_KEY_BYTES];	    /* for the record's MAC; secret */
};

/*
 * Writes the line, with its newline. Strings that are too long are cut, and end with \u2026 there.
 * Returns its length.
 */
size_t audit_record_format(const struct audit_record *record, const struct audit_position *position,
			   char line[static AUDIT_LINE_MAX]);

/* Goes on to the next record's key: BLAKE2b-256("heaptrail-audit-evolve" || key). There is no way
 * back. */
void audit_key_evolve(uint8_t key[static AUDIT_KEY_BYTES]);

/* Is the record's MAC made with this key? HMAC-SHA256 over the line up to `,"mac"`. */
bool audit_record_is_sealed(const char *line, size_t size,
			    const uint8_t key[static AUDIT_KEY_BYTES]);

/* Has the record this hash in `prev`? And which one has it? */
bool audit_record_follows(const char *line, size_t size,
			  const uint8_t previous[static AUDIT_HASH_BYTES]);
void audit_record_previous(const char *line, size_t size,
			   uint8_t previous[static AUDIT_HASH_BYTES]);

/* Is that its `op`? */
bool audit_record_has_operation(const char *line, size_t size, const char *operation);

#define AUDIT_HANDOVER_MESSAGE_BYTES 106

/* What the signature of a segment's keys covers: label, segment, sequence of its first record, hash
 * before it, key. */
void audit_handover_message(const struct audit_position *position,
			    const uint8_t public_key[static 32],
			    uint8_t message[static AUDIT_HANDOVER_MESSAGE_BYTES]);

/* What the first record of a segment says of its keys. 0; -EBADMSG: nothing, or not as it is
 * written. */
int audit_record_handover(const char *line, size_t size, struct audit_handover *handover);

/*
 * Is it a line as audit_record_format() writes it, with or without its newline? A torn one may
 * begin with a brace and end with one, but it does not end with the hash, which comes last.
 */
bool audit_record_is(const char *line, size_t size);

/* When a record was made. */
struct audit_time {
	int64_t wall_us, mono_us;
	char boot[37]; /* "": not known */
};

/* False: it does not say so as audit_record_format() writes it. */
bool audit_record_time(const char *line, size_t size, struct audit_time *time);

/* The numbers that a record claims; 0 where it has none. */
uint64_t audit_record_segment(const char *line, size_t size);
uint64_t audit_record_sequence(const char *line, size_t size);

#endif
