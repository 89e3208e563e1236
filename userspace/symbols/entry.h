/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a function can begin where a name says that one does. Names are the file's: one that
 * leads into an instruction would make a probe change what the target does, as would one that leads
 * to where the return address is not on top of the stack. Call frame information and the sizes of
 * other functions must agree; a file in which they lie as well cannot be told from an honest one,
 * and harms only who made it.
 */
#ifndef HEAPTRAIL_SYMBOLS_ENTRY_H
#define HEAPTRAIL_SYMBOLS_ENTRY_H

#include "symbols/cfi_list.h"

/*
 * list: the file's call frame information, empty where it has none. On x86-64: where that covers
 * the address, an instruction must begin there and the return address be at the stack pointer;
 * elsewhere it must not be inside another function. On arm64: aligned.
 */
/*
 * Without call frame information all symbols are looked at. *looks is how many may be yet, in all
 * calls for a file: one may have a million names, each with a million neighbours. Once it is used
 * up, nothing is plausible.
 */
#define ENTRY_LOOKS_MAX (1u << 24)
bool entry_is_plausible(const struct elf *elf, const struct cfi_list *list, uint64_t address,
			uint32_t *looks);

#endif
