/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may do what with a capture. Whatever no rule allows is denied. */
#ifndef HEAPTRAIL_VAULT_ACCESS_H
#define HEAPTRAIL_VAULT_ACCESS_H

#include "audit/record.h"

#include <stdbool.h>

struct access_decision {
	bool is_allowed;
	char rule[64];	 /* what decided, for the record */
	const char *why; /* why not, for the asker; static */
};

/* operation comes from the asker, and is repeated only where it is known. */
void access_decide(const struct audit_subject *asker, uid_t owner, const char *operation,
		   struct access_decision *decision);

#endif
