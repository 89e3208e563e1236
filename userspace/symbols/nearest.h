/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The function symbol that an address lies in: all there is to say where debug information is
 * absent. */
#ifndef HEAPTRAIL_SYMBOLS_NEAREST_H
#define HEAPTRAIL_SYMBOLS_NEAREST_H

#include "symbols/elf.h"

struct nearest;

/* Of a module and its split debug file (NULL: there is none); both must outlive it. 0 or -ENOMEM.
 */
int nearest_new(const struct elf *module, const struct elf *debug, struct nearest **nearest);

/* The symbol, as mangled as it is; NULL: no function covers the address. */
const char *nearest_find(const struct nearest *nearest, uint64_t address);

void nearest_free(struct nearest *nearest);

#endif
