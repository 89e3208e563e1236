/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DWARF: functions, inlined calls, files and lines of addresses.
 *
 * The only file that knows libdw's types. libdw is not made for hostile files: call it in a process
 * that may die, with limits of memory and time. What is bounded here is what libdw leaves to its
 * caller: depth and number of the entries that are walked. No other file is ever opened: what a
 * file keeps in a .dwo counts as absent: of a unit that was split off there are lines, and no
 * functions.
 */
#ifndef HEAPTRAIL_SYMBOLS_DWARF_H
#define HEAPTRAIL_SYMBOLS_DWARF_H

#include "symbols/demangle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCE_INLINE_MAX 64

struct source {
	const char *function; /* demangled; NULL not known */
	const char *file;     /* NULL not known */
	uint32_t line;	      /* 0 not known */
	bool is_bare; /* the function is called as where it is declared: no scope, no parameters */
};

struct debug_info;

/*
 * Maps a module, or its split debug file; and the common file that dwz moved parts of it to (-1:
 * none, and what is there counts as absent). Whether that is the right one, the caller knows.
 * Descriptors may be closed afterwards. -ENODATA: no DWARF in it.
 */
int debug_info_open(int fd, int common, struct debug_info **info);

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
