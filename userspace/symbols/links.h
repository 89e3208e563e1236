/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a module says that its debug information is, and whether a file is what it means. */
#ifndef HEAPTRAIL_SYMBOLS_LINKS_H
#define HEAPTRAIL_SYMBOLS_LINKS_H

#include "base/site.h"
#include "symbols/elf.h"

void links_read(const struct elf *elf, struct debug_links *links);

/* The debug file was made of this module: the same build id, or, where one has none, the checksum
 * that the module's link says. */
bool links_is_debug(const struct elf *module, const struct elf *debug);

/* What dwz took out of this file, and out of others, is in that one. */
bool links_is_common(const struct elf *elf, const struct elf *common);

#endif
