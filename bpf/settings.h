/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tracer tells the kernel side: the settings, fixed at load, and the cookie of each probe.
 */
#ifndef HEAPTRAIL_BPF_SETTINGS_H
#define HEAPTRAIL_BPF_SETTINGS_H

#include "bpf/event.h"

/* Scratch slots per CPU: probe programs are preemptible, and a task may be preempted inside one. */
#define SLOTS_PER_CPU 8

/* Unwind tables: see bpf/tables.bpf.h. 4 MiB is the largest array value that every kernel takes. */
#define TABLE_WORDS	   (1 << 20)
#define TABLE_CHUNKS	   4
#define UNWIND_MODULES_MAX 4096
#define UNWIND_WHOLE	   UNWIND_MODULES_MAX /* in a module's number: its whole table */
#define UNWIND_RULES_MAX   65536
#define CODE_CACHE_ENTRIES 4096

struct unwind_module {
	u32 chunk, index, rows; /* where its index and its rows start in the chunk, in words */
	u32 page0, page_count;	/* pages of the file that are covered */
};

/* How often a process's mappings were seen to change; indexed by the low bits of its pid. */
#define GENERATION_SLOTS 65536
struct generation {
	u32 pid;
	u32 number;
	u64 exec_vm;
};

/* What a file is called in the kernel: dev_t as major << 20 | minor. */
struct file_key {
	u64 inode;
	u32 device;
	u32 reserved;
};

/* The kernel's own code in every process has no file; its image is the same for all of 64 bits. */
#define VDSO_INODE  1
#define VDSO_DEVICE (~0U)

/* Which calls the programs let through. All probes begin at one moment, and end at one: attaching and
 * detaching takes the kernel tens of milliseconds a file. */
enum phase {
	PHASE_CLOSED, /* none: probes are being attached, or the recording is over */
	PHASE_OPEN,
	PHASE_FREES, /* no more that allocate, but for those that are under way */
};

/* What a probed function does with memory. */
enum call_kind {
	CALL_ALLOC = 1,	    /* returns a block of size bytes */
	CALL_ALLOC_PRODUCT, /* returns a block of count * size bytes */
	CALL_ALLOC_OUT,	    /* stores the block through argument `out`, returns 0 where it did */
	CALL_REALLOC,	    /* moves or resizes the block at `pointer` to size bytes */
	CALL_REALLOC_PRODUCT,
	CALL_RESIZE, /* resizes the block at `pointer` where it is; returns the size that it has */
	CALL_FREE,   /* frees the block at `pointer` */
	CALL_MAP,    /* maps size bytes; `count` holds mmap's flags */
	CALL_UNMAP,  /* unmaps size bytes from `pointer` on */
	CALL_REMAP,  /* of `alignment` bytes from `pointer` on makes size bytes; `count`: mremap's flags */
	CALL_BREAK,  /* moves the end of the data segment */
	CALL_POINT_ALLOC, /* no function, but a place: tells of a block, and how many bytes it stands for */
	CALL_POINT_FREE,  /* … and of its end */
	CALL_MARK,	  /* a place that tells of a moment */
	CALL_TAG_BEGIN,	  /* … of a scope's beginning */
	CALL_TAG_END,	  /* … of its end */
};

/* Its entry says all; the return is not seen. */
#define CALL_IS_ENTRY_ONLY(kind) \
	((kind) == CALL_FREE || (kind) == CALL_UNMAP || CALL_IS_POINT(kind))
#define CALL_IS_MAPPING(kind) ((kind) >= CALL_MAP && (kind) <= CALL_BREAK)
#define CALL_IS_POINT(kind)   ((kind) >= CALL_POINT_ALLOC)
#define CALL_IS_MARK(kind)    ((kind) >= CALL_MARK)

/* Where a point's arguments are: the cookie has the number of its row in `points`. */
#define POINTS_MAX 4096
#define MARKS_MAX  2048 /* of them */
struct point_argument {
	u8 reg;	      /* as in a cookie */
	u8 in_memory; /* what is told is there: at register + displacement; else it is their sum */
	u8 bytes;     /* 4 or 8 */
	u8 reserved;
	s32 displacement;
};
struct point {
	struct point_argument pointer, size;
};

/*
 * A probe's cookie: how to read the call at this site. Registers are DWARF's numbers plus one; 0:
 * none.
 *
 *   0..4 call_kind  5..12 function row  13..17 size  18..22 count  23..27 alignment  28..32 pointer
 * or out 33..48 entry stack pointer - stack pointer at the site, bytes; of a point: its row
 */
#define COOKIE_FUNCTION_SHIFT  5
#define COOKIE_SIZE_SHIFT      13
#define COOKIE_COUNT_SHIFT     18
#define COOKIE_ALIGNMENT_SHIFT 23
#define COOKIE_POINTER_SHIFT   28
#define COOKIE_SP_OFFSET_SHIFT 33
#define COOKIE_KIND(c)	       ((c)&0x1f)
#define COOKIE_FUNCTION(c)     (((c) >> COOKIE_FUNCTION_SHIFT) & 0xff)
#define COOKIE_SIZE(c)	       (((c) >> COOKIE_SIZE_SHIFT) & 0x1f)
#define COOKIE_COUNT(c)	       (((c) >> COOKIE_COUNT_SHIFT) & 0x1f)
#define COOKIE_ALIGNMENT(c)    (((c) >> COOKIE_ALIGNMENT_SHIFT) & 0x1f)
#define COOKIE_POINTER(c)      (((c) >> COOKIE_POINTER_SHIFT) & 0x1f)
#define COOKIE_SP_OFFSET(c)    (((c) >> COOKIE_SP_OFFSET_SHIFT) & 0xffff)
#define COOKIE_POINT(c)	    COOKIE_SP_OFFSET(c)

#endif
