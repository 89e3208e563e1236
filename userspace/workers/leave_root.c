// SPDX-License-Identifier: GPL-2.0-or-later
/* From whatever a worker was started as to a user of its own with the capabilities that it starts
 * with. */
#include "workers/identity.h"
#include "workers/policy.h"
#include "workers/worker.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool has_capability(cap_value_t value)
{
	cap_flag_value_t is_set = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (caps)
		cap_get_flag(caps, value, CAP_EFFECTIVE, &is_set);
	cap_free(caps);
	return is_set == CAP_SET;
}

/* Bounding set and ambient set go first: they need CAP_SETPCAP, or nothing where they are empty. */
static void close_bounds(const struct policy *policy)
{
	cap_reset_ambient();
	if (has_capability(CAP_SETPCAP))
		for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++)
			if (cap_get_bound(cap) == 1 && cap_drop_bound(cap))
				policy_fail(policy, errno, "cap_drop_bound");
}

int worker_identity(const char *name, struct identity *identity)
{
	const struct policy *policy = policy_get(name);

	return identity_find(policy->user, policy->uid, WORKER_SOCKET, identity);
}

/* Whoever it becomes has no group beside its own. */
static void become(const struct policy *policy)
{
	struct identity id;
	int err = identity_find(policy->user, policy->uid, WORKER_SOCKET, &id);

	if (err == -EUSERS)
		worker_fail(
			4, EUSERS,
			"no user for the worker (policy %s): there is no %s, and of the uids %d to %d "
			"none is free; make the users of sysusers.d/heaptrail.conf",
			policy->name, policy->user, IDENTITY_FIRST, IDENTITY_LAST);
	if (err)
		policy_fail(policy, -err, "no user for it");
	prctl(PR_SET_KEEPCAPS, 1);
	if (setgroups(0, NULL) || setresgid(id.gid, id.gid, id.gid) ||
	    setresuid(id.uid, id.uid, id.uid))
		policy_fail(policy, errno, "setresuid");
	prctl(PR_SET_KEEPCAPS, 0);
}

/* One that is not there is named: whoever starts the worker can give it. */
static void check_permitted(const struct policy *policy, cap_t wanted)
{
	cap_t now = cap_get_proc();

	for (cap_value_t cap = 0; now && cap_get_bound(cap) >= 0; cap++) {
		cap_flag_value_t is_wanted = CAP_CLEAR, is_permitted = CAP_CLEAR;
		cap_get_flag(wanted, cap, CAP_PERMITTED, &is_wanted);
		cap_get_flag(now, cap, CAP_PERMITTED, &is_permitted);
		if (is_wanted == CAP_CLEAR || is_permitted == CAP_SET)
			continue;
		char *name = cap_to_name(cap);
		for (char *at = name; at && *at; at++)
			*at = (char)toupper(*at);
		worker_fail(
			4, EPERM,
			"the %s lacks %s: run as root with all capabilities, or give it to the unit "
			"(AmbientCapabilities=)",
			policy->name, name ? name : "a capability");
	}
	cap_free(now);
}

/* Adds those spares that are permitted now, as permitted. */
static void keep_spares(const struct policy *policy, cap_t caps)
{
	cap_t spares = policy_capabilities(policy->spares), now = cap_get_proc();

	for (cap_value_t cap = 0; spares && now && cap_get_bound(cap) >= 0; cap++) {
		cap_flag_value_t is_spare = CAP_CLEAR, is_permitted = CAP_CLEAR;
		cap_get_flag(spares, cap, CAP_PERMITTED, &is_spare);
		cap_get_flag(now, cap, CAP_PERMITTED, &is_permitted);
		if (is_spare == CAP_SET && is_permitted == CAP_SET)
			cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_SET);
	}
	cap_free(spares);
	cap_free(now);
}

void worker_leave_root(const char *name)
{
	const struct policy *policy = policy_get(name);
	cap_t caps = policy_capabilities(policy->starts ? policy->starts : policy->capabilities);

	if (!caps)
		policy_fail(policy, errno, "its capabilities");
	close_bounds(policy);
	/* where this is forbidden, in a container, say, it is as anybody */
	if (policy->nice && geteuid() == 0)
		(void)setpriority(PRIO_PROCESS, 0, policy->nice);
	if (policy->user && geteuid() == 0)
		become(policy);
	check_permitted(policy, caps);
	if (policy->spares)
		keep_spares(policy, caps);
	if (cap_set_proc(caps))
		policy_fail(policy, errno, "cap_set_proc");
	cap_free(caps);
	policy_forbid_new_privileges(policy);
}

bool worker_use_spares(const char *name)
{
	const struct policy *policy = policy_get(name);
	cap_t spares = policy_capabilities(policy->spares), caps = cap_get_proc();
	bool is_used = spares && caps;

	for (cap_value_t cap = 0; is_used && cap_get_bound(cap) >= 0; cap++) {
		cap_flag_value_t is_spare = CAP_CLEAR;
		cap_get_flag(spares, cap, CAP_PERMITTED, &is_spare);
		if (is_spare == CAP_SET)
			cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_SET);
	}
	is_used = is_used && cap_set_proc(caps) == 0;
	cap_free(spares);
	cap_free(caps);
	return is_used;
}
