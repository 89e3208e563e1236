// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Confinement: from a policy's text to a process that can do nothing else.
 *
 * Order matters. Capabilities are needed to leave root and to empty the bounding set, the file
 * system to read nothing more, and the system-call filter comes last because it forbids most of the
 * calls above it.
 */
#include "workers/policy.h"
#include "workers/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

static const struct policy *policy_find(const char *name)
{
	for (size_t i = 0; i < POLICY_COUNT; i++)
		if (strcmp(POLICIES[i].name, name) == 0)
			return &POLICIES[i];
	return NULL;
}

static _Noreturn void fail(const struct policy *policy, int error, const char *step)
{
	worker_fail(4, error, "worker could not give up its rights (policy %s): %s: %s",
		    policy->name, step, strerror(error));
}

static void limit_resources(const struct policy *policy)
{
	for (size_t i = 0; i < policy->limit_count; i++) {
		const struct policy_limit *limit = &policy->limits[i];
#ifdef HEAPTRAIL_SANITIZE /* its shadow memory alone is larger than any limit */
		if (limit->resource == RLIMIT_AS)
			continue;
#endif
		struct rlimit value = { limit->value, limit->value }, old;
		if (getrlimit((__rlimit_resource_t)limit->resource, &old) == 0 &&
		    old.rlim_max < value.rlim_max)
			value.rlim_cur = value.rlim_max = old.rlim_max;
		if (setrlimit((__rlimit_resource_t)limit->resource, &value))
			fail(policy, errno, "setrlimit");
	}
}

static bool has_capability(cap_value_t value)
{
	cap_flag_value_t is_set = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (caps)
		cap_get_flag(caps, value, CAP_EFFECTIVE, &is_set);
	cap_free(caps);
	return is_set == CAP_SET;
}

/* What the policy keeps, permitted and effective; the caller frees it. NULL: not capabilities. */
static cap_t policy_capabilities(const struct policy *policy)
{
	char text[256];

	snprintf(text, sizeof(text), "%s%s", policy->capabilities,
		 policy->capabilities[0] ? "=ep" : "=");
	return cap_from_text(text);
}

/* Bounding set and ambient set go first: they need CAP_SETPCAP, or nothing where they are empty. */
static void drop_capabilities(const struct policy *policy)
{
	cap_reset_ambient();
	if (has_capability(CAP_SETPCAP))
		for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++)
			if (cap_get_bound(cap) == 1 && cap_drop_bound(cap))
				fail(policy, errno, "cap_drop_bound");
	if (policy->leaves_root && geteuid() == 0 && has_capability(CAP_SETUID)) {
		prctl(PR_SET_KEEPCAPS, policy->capabilities[0] != 0);
		if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		    setresuid(NOBODY, NOBODY, NOBODY))
			fail(policy, errno, "setresuid");
	}
	cap_t caps = policy_capabilities(policy);
	if (!caps || cap_set_proc(caps))
		fail(policy, errno, "cap_set_proc");
	cap_free(caps);
	/* PR_SET_DUMPABLE is reset when the uid changes */
	prctl(PR_SET_DUMPABLE, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail(policy, errno, "no_new_privs");
}

/* Handles every access right that the kernel's ABI knows and allows none. 0 where Landlock is
 * absent. */
static bool close_file_system(const struct policy *policy)
{
	struct landlock_ruleset_attr attr = { 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 1)
		return false;
	/* 13 rights in ABI 1, then refer (2) and truncate (3) */
	attr.handled_access_fs = (1ULL << (13 + (abi >= 2) + (abi >= 3))) - 1;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0 || syscall(SYS_landlock_restrict_self, ruleset, 0))
		fail(policy, errno, "landlock");
	close(ruleset);
	return true;
}

static struct scmp_arg_cmp condition_of(const struct policy_syscall *call)
{
	struct scmp_arg_cmp condition = { .arg = call->argument, .op = SCMP_CMP_MASKED_EQ };

	switch (call->rule) {
	case ARGUMENT_ANY: break;
	case ARGUMENT_EQUALS:
		condition.datum_a = UINT32_MAX;
		condition.datum_b = call->value;
		break;
	case ARGUMENT_LACKS: condition.datum_a = call->value; break;
	case ARGUMENT_IS_AT:
		condition.op = SCMP_CMP_EQ;
		condition.datum_a = (uintptr_t)call->constant;
		break;
	}
	return condition;
}

static void filter_system_calls(const struct policy *policy)
{
#ifdef HEAPTRAIL_SANITIZE
	/* The sanitizers' runtimes make calls of their own. */
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_LOG);
#else
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
#endif
	int err = filter ? 0 : -ENOMEM;

	/* a binary tree instead of a list: the writer makes many calls */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; !err && i < policy->syscall_count; i++) {
		const struct policy_syscall *call = &policy->syscalls[i];
		struct scmp_arg_cmp condition = condition_of(call);
		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call->number,
					     call->rule != ARGUMENT_ANY, &condition);
	}
	if (!err)
		err = seccomp_load(filter);
	if (err)
		fail(policy, -err, "seccomp");
	seccomp_release(filter);
}

/* What was given up must be gone; a kernel or a library that lied is found here, not by an
 * attacker. */
static void try_what_is_gone(const struct policy *policy, bool is_file_system_closed)
{
	cap_t now = cap_get_proc(), kept = policy_capabilities(policy);

	if (!now || !kept || cap_compare(now, kept) != 0)
		fail(policy, EPERM, "other capabilities are there than the policy names");
	cap_free(now);
	cap_free(kept);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		fail(policy, EPERM, "new privileges are still possible");
	if (policy->leaves_root && (geteuid() == 0 || setuid(0) == 0))
		fail(policy, EPERM, "still root");
	if (is_file_system_closed && open("/proc/self/status", O_RDONLY | O_CLOEXEC) >= 0)
		fail(policy, EPERM, "a file could still be opened");
}

void worker_confine(const char *name)
{
	const struct policy *policy = policy_find(name);

	if (!policy)
		worker_fail(4, 0, "there is no policy called %s", name);
	limit_resources(policy);
	drop_capabilities(policy);
	bool is_closed = !policy->has_files && close_file_system(policy);
	try_what_is_gone(policy, is_closed);
	if (policy->syscall_count)
		filter_system_calls(policy);
}
