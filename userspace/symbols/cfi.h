/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call frame information: the programs in .eh_frame that say, for every instruction, where the
 * caller's frame is. Source: DWARF 5, 6.4 (.debug_frame); Linux Standard Base 5.0, 10.6
 * (.eh_frame). Only what the kernel side follows is kept: the CFA, rbp and the return address. The
 * bytes are hostile; time is linear in an entry's length.
 */
#ifndef HEAPTRAIL_SYMBOLS_CFI_H
#define HEAPTRAIL_SYMBOLS_CFI_H

#include "bpf/unwind_rule.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A section, mapped, with the address that pc-relative pointers in it refer to. */
struct cfi_section {
	const uint8_t *data;
	size_t size;
	uint64_t address;
	bool is_debug_frame;
};

/* One function's entry. */
struct cfi_fde {
	uint64_t start, end; /* addresses */
	const uint8_t *instructions, *instructions_end;
	/* from its CIE */
	const uint8_t *initial, *initial_end;
	uint64_t code_align;
	int64_t data_align;
	uint8_t pointer_encoding;
	bool is_signal;
};

/*
 * The entry at an offset of the section. *next: where the one after it begins; the section's size
 * where that cannot be told. 0: an FDE; 1: a CIE or the end, nothing to do; -EBADMSG.
 */
int cfi_fde_read(const struct cfi_section *section, size_t offset, struct cfi_fde *fde,
		 size_t *next);

/* Called for each row in ascending order; the rule holds from address on. */
typedef void cfi_row(void *context, uint64_t address, struct unwind_rule rule);

/* Runs an entry's program. -EBADMSG where it is malformed; rows before that were delivered, and one
 * without a rule for the rest of the function. */
int cfi_run(const struct cfi_section *section, const struct cfi_fde *fde, cfi_row *row,
	    void *context);

#endif
