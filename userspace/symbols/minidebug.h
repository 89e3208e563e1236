/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MiniDebugInfo: a module's static symbols in a small ELF file, compressed by xz, in its section
 * .gnu_debugdata. Fedora's and RHEL's packages have it. The only file that knows liblzma.
 */
#ifndef HEAPTRAIL_SYMBOLS_MINIDEBUG_H
#define HEAPTRAIL_SYMBOLS_MINIDEBUG_H

#include "symbols/elf.h"

/*
 * A file of its own, to be closed; nothing in it points into the module. 0 or -errno: -ENODATA there
 * is none, -EBADMSG it is damaged, or becomes larger than any that a compiler makes.
 */
int minidebug_open(const struct elf *module, struct elf **symbols);

#endif
