/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DWARF: functions, inlined calls, files and lines of addresses.
 *
 * The only file that knows libdw's types. libdw is not made for hostile files: call it in a process
 * that may die, with limits of memory and time. What is bounded here is what libdw leaves to its
 * caller: depth and number of the entries that are walked. No other file is ever opened: parts that
 * a file keeps elsewhere (.dwo, dwz's common file) count as absent: of a unit that was split off there
 * are lines, and no functions.
 */
#ifndef HEAPTRAIL_SYMBOLS_DWARF_H
#define HEAPTRAIL_SYMBOLS_DWARF_H

#include "symbols/demangle.h"

#include <stddef.h>
#include <stdint.h>

#define SOURCE_INLINE_MAX 64

struct source {
	const char *function; /* demangled; NULL not known */
	const char *file;     /* NULL not known */
	uint32_t line;	      /* 0 not known */
};

struct debug_info;

/*
 * Maps a module, or its split debug file; the descriptor may be closed afterwards. -ENODATA: no
 * DWARF in it.
 */
int debug_info_open(int fd, struct debug_info **info);

/*
 * Calls `found` for every address that is covered, in no order: with its place i in addresses and
 * the functions there, innermost first; each is the one into which the one before was inlined, with
 * the line of that call. The addresses ascend. The strings live as long as info and the demangler.
 * 0 or -ENOMEM.
 */
typedef void source_found(size_t i, const struct source *sources, size_t count, void *context);
int debug_info_find(struct debug_info *info, struct demangler *demangler, const uint64_t *addresses,
		    size_t count, source_found *found, void *context);

void debug_info_close(struct debug_info *info);

#endif
