/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The function symbol that an address lies in: all there is to say where debug information is
 * absent.
 *
 * A symbol that has a size ends there, and the rest belongs to the one around it. One that has none
 * (assembly) counts only where no sized one is, and ends at the next symbol, at the end of its
 * section, or after 64 KiB. Of several names of one place the one that people call it by is taken:
 * one of a function before a label, a global one before a local one, then the one with fewer
 * leading underscores, then the shorter. Weak is no worse than global: libc's public names are weak
 * ones of what it calls __this itself.
 */
#ifndef HEAPTRAIL_SYMBOLS_NEAREST_H
#define HEAPTRAIL_SYMBOLS_NEAREST_H

#include "symbols/elf.h"

struct nearest;

/*
 * Of a module and its split debug file (NULL: there is none); both must outlive it. Stubs that call
 * other modules are named too: malloc@plt; and what the module's MiniDebugInfo names. 0 or -ENOMEM.
 */
int nearest_new(const struct elf *module, const struct elf *debug, struct nearest **nearest);

/* The symbol, as mangled and versioned as it is; NULL: no function covers the address. Lives as long
 * as nearest. */
const char *nearest_find(const struct nearest *nearest, uint64_t address);

void nearest_free(struct nearest *nearest);

#endif
