/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How to find a frame's caller from one call site: eight bytes, compiled from .eh_frame in user
 * space (userspace/symbols/unwind_table.c) and followed by the kernel side (bpf/unwind.bpf.h).
 * x86-64.
 *
 * The CFA is the stack pointer as it was before the call of this function; the return address is at
 * CFA - 8.
 */
#ifndef HEAPTRAIL_BPF_UNWIND_RULE_H
#define HEAPTRAIL_BPF_UNWIND_RULE_H

#include "bpf/event.h"

enum unwind_kind {
	UNWIND_INVALID = 0, /* no function covers this address */
	UNWIND_END,	    /* the outermost frame */
	UNWIND_RSP,	    /* CFA = rsp + cfa */
	UNWIND_RBP,	    /* CFA = rbp + cfa */
	UNWIND_PLT,	    /* CFA = rsp + 8 + ((address & 15) >= cfa ? 8 : 0) */
	UNWIND_DEREF_RSP,   /* CFA = *(rsp + low half of cfa) + high half of cfa */
	UNWIND_DEREF_RBP,   /* the same with rbp */
	UNWIND_SIGNAL,	    /* the caller's registers are in a signal frame on the stack */
	UNWIND_OTHER,	    /* the return address is elsewhere: not followed */
	UNWIND_RA_REGISTER, /* the return address is in a register: not followed */
	UNWIND_EXPRESSION,  /* another DWARF expression: not followed */
	UNWIND_REGISTER,    /* CFA = register + (cfa >> 4): followed where a signal interrupted */
	UNWIND_KIND_COUNT,
};

/* UNWIND_REGISTER: the low bits of cfa are the register's place in a signal's context. */
#define UNWIND_REGISTER_BITS 4

enum unwind_rbp {
	RBP_SAME = 0,  /* as in this frame */
	RBP_AT_CFA,    /* saved at CFA + rbp */
	RBP_AT_RBP,    /* saved at rbp + rbp: frames that realign the stack */
	RBP_UNDEFINED, /* not to be used by the caller's rule */
};

struct unwind_rule {
	s32 cfa;
	s16 rbp;
	u8 kind;  /* enum unwind_kind */
	u8 bkind; /* enum unwind_rbp */
};
_Static_assert(sizeof(struct unwind_rule) == 8, "layout");

#endif
