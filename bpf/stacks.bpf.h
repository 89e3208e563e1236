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
#include "bpf/registers.bpf.h"

#define SEEN_SLOTS 65536
u64 seen[SEEN_SLOTS];

#define HASH_FACTOR 0x9e3779b97f4a7c15ULL

static __always_inline u64 hash_step(u64 hash, u64 value)
{
	hash = (hash ^ value) * HASH_FACTOR;
	return hash ^ (hash >> 29);
}

static __always_inline struct slot *slot_take(void)
{
	u32 index = bpf_get_smp_processor_id();
	struct slot *slot;
	int i;

	for (i = 0; i < SLOTS_PER_CPU; i++, index += cpu_count) {
		slot = bpf_map_lookup_elem(&slots, &index);
		if (slot && !__sync_lock_test_and_set(&slot->busy, 1))
			return slot;
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
	if (bpf_ringbuf_output(&events, event, sizeof(*event) + count * sizeof(u64),
			       wakeup_flag())) {
		*memory = 0;
		COUNT(stacks_lost);
	}
}

/*
 * The stack of the probed thread: first the return address of the call, then its callers. Returns
 * its hash, 0 where no stack could be taken. return_address: of the probed call.
 */
static __noinline u64 stack_take(struct pt_regs *ctx, u64 return_address)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct slot *slot = slot_take();
	u64 hash = pid;
	long size;
	u32 i;

	if (!slot) {
		COUNT(stack_status[STACK_NO_SLOT]);
		return 0;
	}
	size = bpf_get_stack(ctx, slot->frames, sizeof(slot->frames), BPF_F_USER_STACK);
	if (size < 8)
		size = 8;
	slot->frame_count = size / 8;
	slot->frames[0] = return_address;
	for (i = 0; i < STACK_DEPTH_MAX && i < slot->frame_count; i++) {
		slot->frames[i] = (slot->frames[i] - 1) | FRAME_ABSOLUTE;
		hash = hash_step(hash, slot->frames[i]);
	}
	hash += !hash;
	stack_send(slot, pid, hash, STACK_FRAME_POINTERS);
	slot_release(slot);
	COUNT(stack_status[STACK_FRAME_POINTERS]);
	return hash;
}

#endif
