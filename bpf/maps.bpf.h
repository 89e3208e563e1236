/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every map, and the settings that are fixed at load. Sizes of 1 are set by the tracer before it
 * loads. */
#ifndef HEAPTRAIL_BPF_MAPS_BPF_H
#define HEAPTRAIL_BPF_MAPS_BPF_H

#include "bpf/settings.h"

const volatile u32 cpu_count = 1;	   /* possible CPUs */
const volatile u32 target_pid = 0;	   /* the only target; 0: look into `targets` */
const volatile u8 follows = 0;		   /* children of targets are targets */
const volatile u8 sees_all = 0;		   /* every process is a target, but for ourselves */
const volatile u8 has_owner = 0;		   /* nothing with other rights than owner_uid's is a target */
const volatile u32 owner_uid = 0;
const volatile u64 start_boottime_ns = 0; /* CLOCK_BOOTTIME: when the recording began */
const volatile u32 recorder_pid = 0;	   /* holds its command at first; the workers are its children */
const volatile u32 pid_namespace = 0;	   /* the recorder's, by its inode; 0: the first */
const volatile u32 wakeup_bytes = 1;	   /* wake the tracer when this much waits in the ring */
const volatile u8 has_tables = 0;	   /* walk by unwind tables, not by frame pointers */
const volatile u8 has_preempt_control = 0; /* the kernel has bpf_preempt_disable() */
const volatile u8 has_mappings = 0;	   /* calls that map and unmap are probed, too */
const volatile u8 has_points = 0;	   /* blocks are told of by static probe points alone */
const volatile u8 has_free_stacks = 0;	   /* take stacks of frees, too */

volatile u32 phase; /* enum phase */

/*
 * A free may call what is probed, too: another freeing function, to which it hands the block on, or
 * one that unmaps.
 */
volatile u8 has_free_layers;

/* Static probe points, as far as they are attached. */
struct point points[POINTS_MAX];

/* A call into an allocator that is under way, kept with its thread. */
struct thread {
	u64 sp;	      /* at the entry of the outermost counted call; 0: none is under way */
	u64 cookie;   /* of that call's site */
	u64 size;     /* bytes asked for */
	u64 pointer;  /* the old block, or where the result will be stored */
	u64 old_size; /* of a mapping */
	u64 entry_ns; /* of a realloc, or of a mapping */
	/* the last free that counted */
	u64 free_address, free_sp, free_site, free_return;
	u32 exec_id; /* of the program that it runs: exec keeps the thread */
	u32 depth;   /* of the scopes that it is in */
	u8 align_log2;
	u8 is_of_file; /* a mapping */
	u8 is_announced; /* EVENT_THREAD was sent */
};

#define WINDOW_BYTES 8192
#define WINDOW_WORDS (WINDOW_BYTES / 8)

/*
 * Room to take one stack, and the state of the walk that takes it. The header lies directly before
 * the frames, so that both are sent as one record.
 */
struct slot {
	u32 busy;
	u32 frame_count;
	u64 pc, sp, bp; /* of the frame that is being looked at */
	u64 context;	/* is_exact: where the signal saved its registers */
	u64 hash;	/* of the frames so far */
	u64 space;	/* address space, for the code cache */
	u32 status;	/* enum stack_status */
	u32 is_exact;	/* pc is where execution stands, not a return address */
	u32 cpu;	/* whose code cache is used */
	u32 vma_is_code;
	u32 is_doubtful;   /* where a signal interrupted was looked up in a table of calls */
	u32 is_guessed;	   /* one was found by its frame pointer, as there was no rule */
	u32 vma_is_memory; /* its file is memory that has no name anywhere: memfd_create(2) */
	u32 reserved;
	u64 vma_start, vma_end, vma_offset; /* the last mapping found; the offset is in its file */
	struct file_key vma_key;	    /* inode 0: no file */
	u64 unknown_offset;		    /* STACK_NO_TABLE: of the last frame in its file */
	u64 window_start, window_size;	    /* stack memory that was copied */
	struct event_stack header;
	u64 frames[STACK_DEPTH_MAX];
	u64 window[WINDOW_WORDS];
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
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, u8);
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

static __always_inline struct task_struct *parent_of(struct task_struct *task)
{
	return task->group_leader->real_parent->group_leader;
}

/*
 * Whose blocks a thread's are: its process's, but where that runs in its parent's address space
 * (vfork() until exec), the parent's.
 */
static __always_inline struct task_struct *owner_of(struct task_struct *task)
{
	struct task_struct *parent = parent_of(task);

	return parent->mm == task->mm ? parent : task->group_leader;
}

/* Has the process copies of its parent's blocks, and was the parent recorded when it got them? */
static __always_inline bool inherits_blocks(struct task_struct *process)
{
	return (u32)process->self_exec_id == process->parent_exec_id &&
	       process->start_boottime >= start_boottime_ns;
}

#define HASH_FACTOR 0x9e3779b97f4a7c15ULL

static __always_inline u64 hash_step(u64 hash, u64 value)
{
	hash = (hash ^ value) * HASH_FACTOR;
	return hash ^ (hash >> 29);
}

/* Atomic although it is this CPU's own: the program may be preempted between load and store. */
#define COUNT(field)                                         \
	do {                                                 \
		struct event_counters *_c = counters_here(); \
		if (_c)                                      \
			__sync_fetch_and_add(&_c->field, 1); \
	} while (0)

#endif
