// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Confinement: from a policy's text to a process that can do nothing else.
 *
 * Order matters: the file system is closed before it is tried, and the system-call filter comes
 * last because it forbids most of the calls above it. What needs capabilities has happened before
 * (workers/leave_root.c).
 */
#include "workers/policy.h"
#include "workers/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

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
			policy_fail(policy, errno, "setrlimit");
	}
}

#define READS \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_EXECUTE)
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define WRITES_IN_FOLDERS                                              \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE)

/* Every access right that this kernel's ABI knows; 0: Landlock is absent. */
static uint64_t file_rights(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	/* 13 rights in ABI 1, then refer (2) and truncate (3) */
	return abi < 1 ? 0 : (1ULL << (13 + (abi >= 2) + (abi >= 3))) - 1;
}

static void permit_writes(const struct policy *policy, int ruleset, uint64_t handled, int folder)
{
	struct landlock_path_beneath_attr rule = {
		.allowed_access = handled & (WRITES_IN_FOLDERS | LANDLOCK_ACCESS_FS_TRUNCATE),
		.parent_fd = folder
	};

	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		policy_fail(policy, errno, "landlock: a folder");
}

/* Nothing is allowed that is handled, but writing in the folders. False where Landlock is absent.
 */
static bool close_files(const struct policy *policy, const int *folders, size_t count)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = file_rights() };

	if (!attr.handled_access_fs)
		return false;
	if (policy->files == FILES_FOLDERS)
		attr.handled_access_fs &= ~(uint64_t)READS | LANDLOCK_ACCESS_FS_EXECUTE;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		policy_fail(policy, errno, "landlock");
	for (size_t i = 0; i < count; i++)
		permit_writes(policy, ruleset, attr.handled_access_fs, folders[i]);
	if (syscall(SYS_landlock_restrict_self, ruleset, 0))
		policy_fail(policy, errno, "landlock");
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
		policy_fail(policy, -err, "seccomp");
	seccomp_release(filter);
}

/* What was given up must be gone; a kernel or a library that lied is found here, not by an
 * attacker. */
static void try_what_is_gone(const struct policy *policy, bool has_landlock)
{
	cap_t now = cap_get_proc(), kept = policy_capabilities(policy->capabilities);

	if (!now || !kept || cap_compare(now, kept) != 0)
		policy_fail(policy, EPERM, "other capabilities are there than the policy names");
	cap_free(now);
	cap_free(kept);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		policy_fail(policy, EPERM, "new privileges are still possible");
	if (policy->user && (geteuid() == 0 || setuid(0) == 0))
		policy_fail(policy, EPERM, "still root");
	if (has_landlock && policy->files == FILES_NONE &&
	    open("/proc/self/status", O_RDONLY | O_CLOEXEC) >= 0)
		policy_fail(policy, EPERM, "a file could still be opened");
	if (has_landlock && policy->files == FILES_FOLDERS &&
	    open("/dev/null", O_WRONLY | O_CLOEXEC) >= 0)
		policy_fail(policy, EPERM, "a file could still be opened to write");
}

void worker_confine_to(const char *name, const int *folders, size_t count)
{
	const struct policy *policy = policy_get(name);
	cap_t caps = policy_capabilities(policy->capabilities);

	limit_resources(policy);
	if (!caps || cap_set_proc(caps))
		policy_fail(policy, errno, "cap_set_proc");
	cap_free(caps);
	policy_forbid_new_privileges(policy);
	bool has_landlock = policy->files != FILES_OWN && close_files(policy, folders, count);
	try_what_is_gone(policy, has_landlock);
	if (policy->syscall_count)
		filter_system_calls(policy);
}

void worker_confine(const char *name)
{
	worker_confine_to(name, NULL, 0);
}
