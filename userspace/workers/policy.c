// SPDX-License-Identifier: GPL-2.0-or-later
#include "workers/policy.h"
#include "workers/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

const struct policy *policy_get(const char *name)
{
	for (size_t i = 0; i < POLICY_COUNT; i++)
		if (strcmp(POLICIES[i].name, name) == 0)
			return &POLICIES[i];
	worker_fail(4, 0, "there is no policy called %s", name);
}

void policy_fail(const struct policy *policy, int error, const char *step)
{
	worker_fail(4, error, "worker could not give up its rights (policy %s): %s: %s",
		    policy->name, step, strerror(error));
}

cap_t policy_capabilities(const char *list)
{
	char text[256];

	snprintf(text, sizeof(text), "%s%s", list, list[0] ? "=ep" : "=");
	return cap_from_text(text);
}

void policy_forbid_new_privileges(const struct policy *policy)
{
	/* PR_SET_DUMPABLE is reset when the uid changes */
	prctl(PR_SET_DUMPABLE, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		policy_fail(policy, errno, "no_new_privs");
}
