// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/access.h"

#include <stdio.h>
#include <string.h>

/* What can be done with an open capture. */
static const char *const OPERATIONS[] = { "view", "export" };

static bool is_operation(const char *name)
{
	for (size_t i = 0; i < sizeof(OPERATIONS) / sizeof(OPERATIONS[0]); i++)
		if (strcmp(OPERATIONS[i], name) == 0)
			return true;
	return false;
}

void access_decide(const struct audit_subject *asker, uid_t owner, const char *operation,
		   struct access_decision *decision)
{
	bool is_known = is_operation(operation);
	const char *who = asker->uid == 0	? "uid=0"
			  : asker->uid == owner ? "uid=owner"
						: "uid=other";

	decision->is_allowed = is_known && (asker->uid == 0 || asker->uid == owner);
	snprintf(decision->rule, sizeof(decision->rule), "%s op=%s %s",
		 decision->is_allowed ? "allow" : "deny", is_known ? operation : "unknown", who);
	decision->why =
		decision->is_allowed ? NULL
		: is_known ? "you may not open captures here: only root and the vault's owner may"
			   : "there is no such operation on captures";
}
