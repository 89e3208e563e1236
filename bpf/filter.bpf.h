/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose calls count. */
#ifndef HEAPTRAIL_BPF_FILTER_BPF_H
#define HEAPTRAIL_BPF_FILTER_BPF_H

#include "bpf/maps.bpf.h"

static __always_inline bool is_target(u32 pid)
{
	if (target_pid)
		return pid == target_pid;
	return bpf_map_lookup_elem(&targets, &pid) != 0;
}

#endif
