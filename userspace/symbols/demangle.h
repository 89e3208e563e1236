/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of C++ and Rust functions as their authors wrote them. */
#ifndef HEAPTRAIL_SYMBOLS_DEMANGLE_H
#define HEAPTRAIL_SYMBOLS_DEMANGLE_H

#include "base/map.h"

#include <stdbool.h>

/* Remembers what was demangled, by the place of the symbol: places must not be reused meanwhile. */
struct demangler {
	struct map names;
};

/*
 * The readable name, without a symbol version; or the symbol itself where it is not mangled, or
 * too long. A name of more than 4 KiB is cut, and says so by an ellipsis. What a PLT calls keeps
 * its @plt. Lives as long as both the demangler and the symbol.
 */
const char *demangle(struct demangler *demangler, const char *symbol);

/* It is a symbol of C++ or Rust. */
bool is_mangled(const char *symbol);

void demangler_free(struct demangler *demangler);

#endif
