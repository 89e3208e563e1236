/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may do what with a capture: rules as text, one on each line (policies/access/default.policy).
 * The first that matches decides; whatever none allows is denied.
 */
#ifndef HEAPTRAIL_VAULT_ACCESS_H
#define HEAPTRAIL_VAULT_ACCESS_H

#include "audit/record.h"

#include <stdbool.h>

#define ACCESS_GROUPS_MAX 64

struct access_rules;

/*
 * The rules in the file. 0 or -errno; -ENOENT: there is no such file; -EPERM: it does not belong to
 * root or to this user, or others may write it; -EBADMSG: *mistake says what is wrong in which
 * line.
 */
int access_load(const char *path, struct access_rules **rules, char mistake[static 160]);

/* The same in two steps, of which the first may need other rights: a descriptor or -errno, which
 * the second closes. */
int access_open(const char *path);
int access_read(int fd, struct access_rules **rules, char mistake[static 160]);

/* Those that are built in. NULL: no memory. */
struct access_rules *access_default(void);

void access_free(struct access_rules *rules);

struct access_request {
	const struct audit_subject *asker;
	gid_t groups[ACCESS_GROUPS_MAX]; /* beside the asker's own */
	size_t group_count;
	uid_t owner;	       /* the vault's */
	const char *operation; /* from the asker: repeated only where it is known */
	bool has_reason;
	uint64_t age_s; /* of the capture: access_age() */
};

/* Which is older than an `allow` wants it, and not than a `deny` does. */
#define ACCESS_AGE_UNKNOWN UINT64_MAX

/* In seconds, of when it was begun and what time it is. Unknown where it would begin only more than
 * five minutes from now: the clock was set back. */
uint64_t access_age(uint64_t begun, uint64_t now);

struct access_decision {
	bool is_allowed;
	bool has_others;       /* record: other users' processes, too */
	const char *operation; /* "view", …, or "unknown"; static */
	char rule[128];	       /* what decided, for the record */
	const char *why;       /* why not, for the asker; static */
};

/* rules: NULL where the file has a mistake: everything is denied. */
void access_decide(const struct access_rules *rules, const struct access_request *request,
		   struct access_decision *decision);

#endif
