/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A copy of each audit record for the system's journal, where a security team looks for alerts. It
 * gates nothing: what counts is the audit log. Protocol: systemd's "Native Journal Protocol", one
 * datagram for each entry.
 */
#ifndef HEAPTRAIL_VAULT_JOURNAL_H
#define HEAPTRAIL_VAULT_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

struct journal {
	int socket;	 /* -1: there is no journal here */
	uint64_t failed; /* entries that it did not take */
};

/* path: of the journal's socket; "": where systemd has it. */
void journal_open(struct journal *journal, const char *path);

/* A record's line, with or without its newline. Does not wait. */
void journal_send(struct journal *journal, const char *line, size_t size);

void journal_close(struct journal *journal);

#endif
