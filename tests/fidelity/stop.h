/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One sampled hit of a probe, as it was at that moment: registers and stack for another unwinder,
 * and the name of the stack that ours found. */
#ifndef FIDELITY_STOP_H
#define FIDELITY_STOP_H

#include "bpf/event.h"

#define STOP_PAGES     64
#define STOP_REGISTERS 17 /* DWARF's numbers; 16 is the address at which execution stands */

#define STOP_RETURNS 16

/* A return address that a return probe, of whichever tracer, has replaced by the kernel's
 * trampoline. */
struct stop_return {
	u64 at, was;
};

struct stop {
	u32 pid, tid;
	u64 registers[STOP_REGISTERS];
	u64 stack;				  /* hash of an EVENT_STACK record */
	struct stop_return returns[STOP_RETURNS]; /* at 0: none */
	u64 copy_start; /* address of the copied memory: the page that the stack pointer is in */
	u64 copy_size;	/* bytes of it that could be read */
	u8 copy[STOP_PAGES * 4096];
};

#endif
