/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call chains: taken into a scratch slot, named by a hash of the whole chain, sent once.
 *
 * `seen` is a direct-mapped, lossy memory of what was sent: a lost race or an eviction only sends a
 * chain again. Two different chains are never merged by it, as the whole 64-bit hash is compared;
 * two chains share a hash with a chance of 3 in 10^6 among ten million distinct ones.
 */
#ifndef HEAPTRAIL_BPF_STACKS_BPF_H
#define HEAPTRAIL_BPF_STACKS_BPF_H

#include "bpf/maps.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/pids.bpf.h"
#include "bpf/registers.bpf.h"
#include "bpf/unwind.bpf.h"

#define SEEN_SLOTS 65536
u64 seen[SEEN_SLOTS];

static __always_inline struct slot *slot_take(u32 *index)
{
	u32 cpu = bpf_get_smp_processor_id();
	struct slot *slot;
	int i;

	*index = cpu;
	for (i = 0; i < SLOTS_PER_CPU; i++, *index += cpu_count) {
		slot = bpf_map_lookup_elem(&slots, index);
		if (slot && !__sync_lock_test_and_set(&slot->busy, 1)) {
			slot->cpu = cpu;
			return slot;
		}
	}
	return 0;
}

static __always_inline void slot_release(struct slot *slot)
{
	*(volatile u32 *)&slot->busy = 0;
}

/* Sends the slot's chain under its hash, unless it was sent. */
static __always_inline void stack_send(struct slot *slot, u32 pid, u64 hash, u8 status)
{
	u32 count = slot->frame_count & (STACK_DEPTH_MAX * 2 - 1);
	u64 *memory = &seen[(hash >> 13) & (SEEN_SLOTS - 1)];
	struct event_stack *event;

	if (*memory == hash)
		return;
	*memory = hash;
	if (count > STACK_DEPTH_MAX)
		return;
	event = &slot->header;
	event->kind = EVENT_STACK;
	event->status = status;
	event->frame_count = count;
	event->pid = pid;
	event->stack = hash;
	event->inode = slot->vma_key.inode;
	event->device = slot->vma_key.device;
	event->reserved = 0;
	event->offset = slot->unknown_offset;
	if (bpf_ringbuf_output(&events, event, sizeof(*event) + count * sizeof(u64),
			       wakeup_flag())) {
		*memory = 0;
		COUNT(stacks_lost);
	}
}

/* The kernel's own walk, for architectures and kernels without tables: it believes in frame
 * pointers. */
static __always_inline void frame_pointer_walk(struct pt_regs *ctx, struct slot *slot, u32 pid,
					       u64 return_address)
{
	long size = bpf_get_stack(ctx, slot->frames, sizeof(slot->frames), BPF_F_USER_STACK);
	u64 hash = pid;
	u32 i;

	slot->frame_count = size < 8 ? 1 : (u32)size >> 3;
	slot->frames[0] = return_address;
	for (i = 0; i < STACK_DEPTH_MAX && i < slot->frame_count; i++) {
		slot->frames[i] = (slot->frames[i] - 1) | FRAME_ABSOLUTE;
		hash = hash_step(hash, slot->frames[i]);
	}
	slot->hash = hash;
	slot->status = STACK_FRAME_POINTERS;
}

/* is_exact: the address is where the thread is, in the middle of a function, and no return address.
 */
static __always_inline u64 stack_take_from(struct pt_regs *ctx, struct task_struct *task,
					   u64 return_address, u64 sp, bool is_exact)
{
	struct event_counters *counters;
	struct slot *slot;
	u32 index, status;
	u64 hash;

	slot = slot_take(&index);
	if (!slot) {
		COUNT(stack_status[STACK_NO_SLOT]);
		return 0;
	}
	if (has_tables)
		stack_walk(slot, index, task, return_address, sp, register_bp(ctx), is_exact);
	else
		frame_pointer_walk(ctx, slot, pid_of(task), return_address);
	hash = slot->hash + !slot->hash;
	status = slot->status;
	stack_send(slot, pid_of(owner_of(task)), hash, status);
	slot_release(slot);
	counters = counters_here();
	if (counters && status < STACK_STATUS_COUNT)
		__sync_fetch_and_add(&counters->stack_status[status], 1);
	return hash;
}

/*
 * The stack of the probed thread: first the return address of the call, then its callers. sp: the
 * stack pointer after that return. Returns the stack's hash, 0 where none could be taken.
 */
static __always_inline u64 stack_take(struct pt_regs *ctx, struct task_struct *task,
				      u64 return_address, u64 sp)
{
	return stack_take_from(ctx, task, return_address, sp, false);
}

#endif
