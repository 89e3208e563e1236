/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which functions of a file have call frame information, in ascending order.
 *
 * .eh_frame is found as the C++ runtime finds it, by PT_GNU_EH_FRAME and its search table, so that
 * stripped files do. Where that table is missing or wrong the section itself is read from one end
 * to the other. What only .debug_frame covers is added: programs built without asynchronous unwind
 * tables. Source: Linux Standard Base 5.0, 10.6.
 */
#ifndef HEAPTRAIL_SYMBOLS_CFI_LIST_H
#define HEAPTRAIL_SYMBOLS_CFI_LIST_H

#include "symbols/cfi.h"
#include "symbols/elf.h"

struct cfi_entry {
	uint64_t start;	 /* address of the function's first instruction, as the search table says */
	uint64_t offset; /* of the FDE in its section */
	uint8_t section; /* in cfi_list.sections */
};

struct cfi_list {
	struct cfi_section sections[2]; /* .eh_frame (or all of its segment), .debug_frame */
	struct cfi_entry *entries;
	size_t count;
};

/* 0; -ENODATA: the file has no call frame information; -ENOMEM. cfi_list_free() in any case. */
int cfi_list_read(const struct elf *elf, struct cfi_list *list);
void cfi_list_free(struct cfi_list *list);

#endif
