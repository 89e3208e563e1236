/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stubs by which a module calls other modules' functions, and its own indirect ones: no symbol
 * table names them, but the relocation of the slot that a stub jumps through does. x86-64.
 */
#ifndef HEAPTRAIL_SYMBOLS_PLT_H
#define HEAPTRAIL_SYMBOLS_PLT_H

#include "symbols/elf.h"

struct plt;

/* The name of a function of the module itself, by its address; NULL: none. */
typedef const char *plt_own_name(const void *context, uint64_t address);

/* The strings are copies. 0 (also where there are no stubs) or -ENOMEM. */
int plt_new(const struct elf *elf, plt_own_name *own_name, const void *context, struct plt **plt);

/* "malloc@plt", as mangled as it is; NULL: no stub that is known. */
const char *plt_find(const struct plt *plt, uint64_t address);

void plt_free(struct plt *plt);

#endif
