/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a log from front to back, and checks all that its files can prove. */
#ifndef HEAPTRAIL_AUDIT_READ_H
#define HEAPTRAIL_AUDIT_READ_H

#include "audit/checkpoint.h"
#include "audit/lines.h"
#include "audit/tree.h"

#include <stdbool.h>

struct audit_reading {
	/* Each line that has a newline, in order; NULL: nobody looks. */
	void (*visit)(void *context, const struct audit_line *line);
	/* A segment's first key, from its text for the auditors: 0 or -errno. NULL: MACs are not
	 * checked. */
	int (*unwrap)(void *context, const char *wrapped, uint8_t key[static AUDIT_KEY_BYTES]);
	void *context;
	const uint8_t *host_pk; /* 32 bytes; NULL: signatures by the host are not checked */
	const struct audit_checkpoint *checkpoint; /* that the log must begin with; NULL: none */
	uint64_t first_segment; /* 0 or 1: all; more: those before are kept elsewhere */
};

/* What verification of a log found. */
struct audit_verdict {
	uint64_t segments, records;
	uint64_t torn;	   /* lines that are no record, each mentioned by the record after it */
	uint64_t sealed;   /* records whose MAC was checked */
	uint64_t set_back; /* times that the clock was set back between two records */
	uint64_t set_back_at,
		set_back_s; /* the first time: sequence of the record after it; seconds */
	bool is_end_known;  /* the state says how long the log must be, and it is */
	bool is_intact;
	char reason[320]; /* the first thing that is wrong, with its line */
	struct audit_tree tree;
};

/*
 * Reads the log in the directory, and checks sequence, chain, hand-over of keys, length and what
 * `reading` asks for. Nothing is written. 0 or -errno; -ENOENT: there is no log.
 */
int audit_log_read(const char *directory, const struct audit_reading *reading,
		   struct audit_verdict *verdict);

#endif
