// SPDX-License-Identifier: GPL-2.0-or-later
/* What a stack costs: ours, the kernel's own walk, and a program that does nothing. */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "bpf/maps.bpf.h"
#include "bpf/registers.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/stacks.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* What the last walk found: its depth shows that the right thing was measured. */
u32 frames_found, status_found;

SEC("uprobe")
int walk_tables(struct pt_regs *ctx)
{
	u64 return_address, sp = register_sp(ctx);
	u32 cpu = bpf_get_smp_processor_id();
	struct slot *slot;

	if (bpf_probe_read_user(&return_address, sizeof(return_address), (void *)sp))
		return 0;
	stack_take(ctx, (void *)bpf_get_current_task_btf(), return_address, sp + 8);
	slot = bpf_map_lookup_elem(&slots, &cpu);
	if (slot) {
		frames_found = slot->frame_count;
		status_found = slot->status;
	}
	return 0;
}

SEC("uprobe")
int walk_kernel(struct pt_regs *ctx)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct slot *slot = bpf_map_lookup_elem(&slots, &cpu);
	long size;

	if (!slot)
		return 0;
	size = bpf_get_stack(ctx, slot->frames, sizeof(slot->frames), BPF_F_USER_STACK);
	frames_found = size > 0 ? size >> 3 : 0;
	status_found = STACK_FRAME_POINTERS;
	return 0;
}

SEC("uprobe")
int walk_empty(struct pt_regs *ctx)
{
	return 0;
}
