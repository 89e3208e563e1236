/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every map, and the settings that are fixed at load. Sizes of 1 are set by the tracer before it
 * loads. */
#ifndef HEAPTRAIL_BPF_MAPS_BPF_H
#define HEAPTRAIL_BPF_MAPS_BPF_H

#include "bpf/settings.h"

const volatile u32 cpu_count = 1;      /* possible CPUs */
const volatile u32 target_pid = 0;     /* the only target; 0: look into `targets` */
const volatile u32 wakeup_bytes = 1;   /* wake the tracer when this much waits in the ring */
const volatile u8 has_free_stacks = 0; /* take stacks of frees, too */

/* A call into an allocator that is under way, kept with its thread. */
struct thread {
	u64 sp;	      /* at the entry of the outermost counted call; 0: none is under way */
	u64 cookie;   /* of that call's site */
	u64 size;     /* bytes asked for */
	u64 pointer;  /* the old block, or where the result will be stored */
	u64 entry_ns; /* of a realloc */
	u8 align_log2;
	u8 is_announced; /* EVENT_THREAD was sent */
};

/* Room to take one stack. The header lies before the frames, so that both are sent as one record.
 */
struct slot {
	u32 busy;
	u32 frame_count;
	struct event_stack header;
	u64 frames[STACK_DEPTH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u32);
	__type(value, u32);
} targets SEC(".maps");

/* One element per CPU rather than a per-CPU array, so that the tracer can map it and needs no call.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct event_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct slot);
} slots SEC(".maps");

static __always_inline struct event_counters *counters_here(void)
{
	u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&counters, &cpu);
}

/* Atomic although it is this CPU's own: the program may be preempted between load and store. */
#define COUNT(field)                                         \
	do {                                                 \
		struct event_counters *_c = counters_here(); \
		if (_c)                                      \
			__sync_fetch_and_add(&_c->field, 1); \
	} while (0)

#endif
