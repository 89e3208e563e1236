/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What processes and threads are called: as /proc of the recorder calls them. In a pid namespace of
 * its own, such as a container's, that is another number than the kernel's.
 */
#ifndef HEAPTRAIL_BPF_PIDS_BPF_H
#define HEAPTRAIL_BPF_PIDS_BPF_H

#include "bpf/maps.bpf.h"

#define PID_LEVELS_MAX 32 /* the kernel's own bound of namespaces in one another */

/* 0: it is not in the recorder's namespace. Level 0 is the first namespace, which is none of these.
 */
static __noinline u32 number_in_namespace(struct pid *pid)
{
	const char *numbers = (const char *)&pid->numbers[0];
	u32 level = 0, inum, i;
	struct upid upid;

	bpf_probe_read_kernel(&level, sizeof(level), &pid->level);
	for (i = 1; i <= PID_LEVELS_MAX && i <= level; i++) {
		if (bpf_probe_read_kernel(&upid, sizeof(upid), numbers + i * sizeof(upid)) ||
		    bpf_probe_read_kernel(&inum, sizeof(inum), &upid.ns->ns.inum))
			return 0;
		if (inum == pid_namespace)
			return (u32)upid.nr;
	}
	return 0;
}

static __always_inline u32 pid_of(struct task_struct *task)
{
	return pid_namespace ? number_in_namespace(task->group_leader->thread_pid) : task->tgid;
}

/* The kernel calls a thread's number pid, and a process's tgid. */
static __always_inline u32 tid_of(struct task_struct *task)
{
	return pid_namespace ? number_in_namespace(task->thread_pid) : task->pid;
}

#endif
