/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ring record: what the kernel side tells the tracer, one record per event.
 *
 * Private and unversioned: kernel side and user side are always built together. The capture file
 * has its own, public, versioned types (docs/capture-format.md). Fixed widths only; every layout is
 * asserted.
 *
 * Times are CLOCK_MONOTONIC in ns. Sizes are bytes. pid is what ps calls pid (the kernel's tgid).
 */
#ifndef HEAPTRAIL_BPF_EVENT_H
#define HEAPTRAIL_BPF_EVENT_H

#ifndef __bpf__
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
#endif

enum event_kind {
	EVENT_ALLOC = 1,   /* a call that allocates returned */
	EVENT_FREE = 2,	   /* a call that frees began; never for free(NULL) */
	EVENT_REALLOC = 3, /* a call that reallocates returned */
	EVENT_STACK = 4,   /* a call chain that was not sent before */
	EVENT_THREAD = 5,  /* the first event of a thread, or of its next program, follows */
	EVENT_MODULE = 6,  /* code in a file without the unwind table that it needs was met */
	EVENT_MAPPING = 7, /* a call that maps returned, or one that unmaps began */
	EVENT_MARK = 8,	   /* the program told of a moment, or of a scope */
};

/* event_head.flags: the low six bits are log2 of the alignment asked for, 0 where none was. */
#define EVENT_ALIGN_MASK 0x3f
#define EVENT_FAILED	 0x40 /* the call returned no block; a failed realloc keeps its old block */
#define EVENT_OF_FILE	 0x80 /* what was mapped is a file */

struct event_head {
	u8 kind;
	u8 function; /* row of the function table (userspace/tracing/functions.c) */
	u16 flags;
	u32 tid;
	u32 pid;
	u32 duration_ns; /* realloc, mappings: from entry to return, saturated; else 0 */
	u64 time_ns;	 /* of the return for allocations, of the entry for frees and unmappings */
};
_Static_assert(sizeof(struct event_head) == 24, "layout");

struct event_free {
	struct event_head head;
	u64 address;
	u64 stack; /* 0: not taken */
};
_Static_assert(sizeof(struct event_free) == 40, "layout");

struct event_alloc {
	struct event_head head;
	u64 address;
	u64 size;
	u64 stack; /* hash that names an EVENT_STACK; 0: none could be taken */
};
_Static_assert(sizeof(struct event_alloc) == 48, "layout");

struct event_realloc {
	struct event_head head;
	u64 address;
	u64 size;
	u64 stack;
	u64 old_address; /* 0: realloc(NULL, size) */
};
_Static_assert(sizeof(struct event_realloc) == 56, "layout");

/* The old range, if any, went, and the new one, if any, came. Sizes are those of the call, not of
 * whole pages. */
struct event_mapping {
	struct event_head head;
	u64 address;
	u64 size;
	u64 stack;
	u64 old_address;
	u64 old_size;
};
_Static_assert(sizeof(struct event_mapping) == 64, "layout");

struct event_thread {
	struct event_head head;
	char comm[16]; /* not always terminated */
	u32 exec_id;   /* of its process: another after exec, or of a pid given again */
	u16 inherits;  /* its process is a fork, since the recording began, that has not called exec
			*/
	u16 depth; /* of the scopes that it is in: a tid may be given again; 65535 is as much, or
		    * more */
};
_Static_assert(sizeof(struct event_thread) == 48, "layout");

#define MARK_NAME_SIZE 64

/* What a program said by userspace/include/heaptrail.h. */
struct event_mark {
	struct event_head head;
	u32 depth; /* of the scopes that the thread is in from here on */
	u8 what;   /* enum mark_kind */
	u8 reserved[3];
	char name[MARK_NAME_SIZE]; /* terminated; "": it could not be read, or there is none */
};
_Static_assert(sizeof(struct event_mark) == 96, "layout");

enum mark_kind {
	MARK_MOMENT = 1,
	MARK_BEGIN = 2,	    /* of a scope: what is allocated in it has this tag */
	MARK_END = 3,	    /* of the innermost one */
	MARK_UNMATCHED = 4, /* an end, but the thread is in no scope */
	/* in captures only */
	MARK_RESTART = 5, /* the thread's number is another's now, which is in so many scopes */
	MARK_SCOPE = 6,	  /* that the thread was in when the segment began */
	MARK_BLOCKS = 7,  /* the tag of blocks in LIVE chunks */
};

/* How a walk ended. Anything but STACK_COMPLETE says why frames are missing. */
enum stack_status {
	STACK_COMPLETE = 0,
	STACK_FRAME_POINTERS, /* by frame pointers, of code without a table or all of
			       * it: may miss or invent frames */
	STACK_DEPTH,	      /* deeper than STACK_DEPTH_MAX */
	STACK_NO_TABLE,	      /* the module's unwind table is not there (yet) */
	STACK_NO_ROW,	      /* the table does not cover this address */
	STACK_RULE,	      /* a rule that is not supported */
	STACK_UNREADABLE,     /* stack memory could not be read */
	STACK_BAD_FRAME,      /* frames did not move towards the stack's start */
	STACK_NOT_CODE,	      /* a return address outside executable memory */
	STACK_ANONYMOUS,      /* code without a file, and no frame pointer to follow */
	STACK_BUSY,	      /* the address space was locked */
	STACK_NO_SLOT,	      /* every scratch slot of this CPU was taken */
	STACK_SIGNAL,	      /* the module that a signal interrupted has only its table of calls
			       * yet: the frames above the signal may be wrong */
	STACK_STATUS_COUNT,
};

#define STACK_DEPTH_MAX 256

/*
 * A frame is (module << 47 | file offset), or an absolute user address with the top bit set where
 * no module is known. Leaf first; the allocator's own function is not in it. The address is one
 * inside the call instruction (return address - 1), so that it can be looked up as it is.
 */
#define FRAME_ABSOLUTE	   (1ULL << 63)
#define FRAME_ANONYMOUS	   (1ULL << 62) /* beside FRAME_ABSOLUTE: its mapping has no file */
#define FRAME_ADDRESS_MASK (FRAME_ANONYMOUS - 1)
#define FRAME_MODULE_SHIFT 47 /* "offsets" in a map of code without a file are addresses */
#define FRAME_OFFSET_MASK  ((1ULL << FRAME_MODULE_SHIFT) - 1)

struct event_stack {
	u8 kind;
	u8 status; /* enum stack_status */
	u16 frame_count;
	u32 pid;
	u64 stack; /* the hash by which events refer to it; never 0 */
	/* STACK_NO_TABLE: the file in which the last frame is, and where; for the tracer alone */
	u64 inode;
	u64 offset;
	u32 device;
	u32 reserved;
	u64 frames[];
};
_Static_assert(sizeof(struct event_stack) == 40, "layout");

/* For the tracer alone: it is not written. */
struct event_module {
	u8 kind;
	u8 reserved[3];
	u32 pid;
	u32 module; /* that lacks a whole table; 0: a file that has no table at all */
	u32 reserved2;
};
_Static_assert(sizeof(struct event_module) == 16, "layout");

/* Why a record, or a part of it, did not reach the ring. Counted in the kernel where it happens. */
enum loss_reason {
	LOSS_RING_FULL = 0, /* an event found no room in the ring */
	LOSS_THREAD_STATE,  /* no memory for a thread's state: its call is not seen */
	LOSS_UNMATCHED,	    /* a counted call's return found another call's state */
	LOSS_RECURSION,	    /* the kernel skipped the program */
	LOSS_UNREAD,	    /* the tracer ended before it had passed it on: the writer counts it */
	LOSS_REASON_COUNT,
};

/* Counters of one CPU. Updated atomically: probe programs are preemptible. */
struct event_counters {
	u64 emitted; /* events (not stacks or threads) that the programs meant to write */
	u64 lost[LOSS_REASON_COUNT];
	u64 stacks_lost;  /* stack records that found no room; sent again at the next use */
	u64 threads_lost; /* thread records that found no room */
	u64 traced;	  /* records of threads that somebody traced with ptrace(2) */
	u64 stack_status[STACK_STATUS_COUNT]; /* every stack taken, by how it ended */
};

#endif
