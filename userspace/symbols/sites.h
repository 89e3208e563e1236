/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where to probe the allocator functions that a module defines.
 *
 * A uprobe on an instruction that the kernel emulates costs one trap, on any other two, the second
 * of them some 30 times dearer in a virtual machine. So the site is the first emulated instruction
 * on the straight line from the entry, as long as every call passes it exactly once and its
 * arguments are still in registers; where there is none, the entry. What is emulated:
 * arch/x86/kernel/uprobes.c, branch_setup_ops() and push_setup_ops().
 */
#ifndef HEAPTRAIL_SYMBOLS_SITES_H
#define HEAPTRAIL_SYMBOLS_SITES_H

#include "base/site.h"
#include "symbols/elf.h"

/*
 * The sites of all functions of the table that the module defines and others can call, and of those
 * that the person has told of, one per address. *refused counts those found by name that have no
 * usable site, ifuncs and those beyond MODULE_SITES_MAX among them.
 */
void sites_find(const struct elf *elf, struct probe_site sites[static MODULE_SITES_MAX],
		uint32_t *count, uint32_t *refused);

#endif
