/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs map by themselves: the ranges of addresses that are mapped at one moment, and what
 * each call does to them. A range is known by (target, address). Unlike a block, a range may be
 * cut, and be replaced by another that is mapped over it.
 */
#ifndef HEAPTRAIL_ANALYSIS_MAPPED_H
#define HEAPTRAIL_ANALYSIS_MAPPED_H

#include "capture/records.h"

#include <stddef.h>

struct range {
	uint64_t address, size; /* bytes, whole pages */
	uint64_t time_ns;	/* when it was mapped */
	uint32_t target, stack, thread;
	bool is_file;
	bool passes; /* the caller's filter */
};

struct mapped;

struct mapped *mapped_new(void);
void mapped_free(struct mapped *mapped);

/* A part of a range went; size bytes of it. */
typedef void mapped_gone_fn(void *context, const struct range *range, uint64_t size);

/*
 * Takes away what is mapped between address and address + size. Ranges that are younger than
 * entry_ns stay: a call is told when it returns, and another thread may have been given its old
 * range meanwhile, and told so first. *known: bytes that went. 0 or -ENOMEM.
 */
int mapped_remove(struct mapped *mapped, uint32_t target, uint64_t address, uint64_t size,
		  uint64_t entry_ns, mapped_gone_fn *gone, void *context, uint64_t *known);

/* Adds a range, which replaces what is mapped there. One that reaches beyond the last address is
 * cut to end there. 0 or -ENOMEM. */
int mapped_add(struct mapped *mapped, struct range *range, mapped_gone_fn *gone, void *context);

typedef void mapped_visit_fn(void *context, const struct range *range);

/* Each range, in order. */
void mapped_visit(struct mapped *mapped, mapped_visit_fn *visit, void *context);

/*
 * The next call is of this program of the target: what earlier ones have mapped has ended. Numbers
 * only grow. 0 or -ENOMEM.
 */
int mapped_enter_program(struct mapped *mapped, uint32_t target, uint32_t program,
			 mapped_gone_fn *gone, void *context);

#endif
