/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose calls count. */
#ifndef HEAPTRAIL_BPF_FILTER_BPF_H
#define HEAPTRAIL_BPF_FILTER_BPF_H

#include "bpf/pids.bpf.h"

#define ANCESTORS_MAX \
	4 /* that are looked at: a target's child may have children before it is seen */

/* A target's child, met for the first time: from here on it is a target itself. */
static __noinline bool is_descendant(struct task_struct *task)
{
	u32 pid = pid_of(task), ancestor;
	struct task_struct *parent = task;
	u8 one = 1;
	int i;

#pragma unroll
	for (i = 0; i < ANCESTORS_MAX; i++) {
		parent = parent_of(parent);
		ancestor = pid_of(parent);
		if (ancestor <= 1)
			return false;
		if (bpf_map_lookup_elem(&targets, &ancestor)) {
			bpf_map_update_elem(&targets, &pid, &one, BPF_ANY);
			return true;
		}
	}
	return false;
}

/* The recorder, its workers, and their children: what they allocate for an event would make more.
 */
static __always_inline bool is_ours(struct task_struct *task)
{
	struct task_struct *parent = parent_of(task);

	return pid_of(task) == recorder_pid || pid_of(parent) == recorder_pid ||
	       pid_of(parent_of(parent)) == recorder_pid;
}

/*
 * Somebody may record what has his rights and no others: not the setuid program that his process
 * becomes, nor one with capabilities.
 */
static __always_inline bool has_only_rights_of(u32 uid, struct task_struct *task)
{
	const struct cred *cred = task->cred;
	u64 capabilities = ~0ULL;

	bpf_probe_read_kernel(&capabilities, sizeof(capabilities), &cred->cap_permitted);
	return !capabilities && cred->uid.val == uid && cred->euid.val == uid &&
	       cred->suid.val == uid && cred->egid.val == cred->gid.val &&
	       cred->sgid.val == cred->gid.val;
}

static __always_inline bool is_target(struct task_struct *task)
{
	struct task_struct *owner;
	u32 pid;

	if (has_owner && !has_only_rights_of(owner_uid, task))
		return false;
	if (target_pid)
		return pid_of(task) == target_pid;
	if (sees_all)
		return pid_of(task) && !is_ours(task);
	owner = owner_of(task);
	pid = pid_of(owner);
	return bpf_map_lookup_elem(&targets, &pid) || (follows && is_descendant(owner));
}

#endif
