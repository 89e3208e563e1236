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

struct cfi_location {
	uint8_t where; /* 0: as in the callee */
	int64_t offset;
};

/* Where a program stands. */
struct cfi_state {
	uint8_t cfa_kind; /* enum unwind_kind */
	uint8_t cfa_register;
	/* an expression leaves the offset as it is, for a def_cfa_register that may follow */
	int64_t cfa_offset;
	int64_t cfa_packed; /* of an expression, as in a rule */
	struct cfi_location rbp, ra;
};

/* What entries share. */
struct cfi_cie {
	const struct cfi_section *section; /* NULL: none was read */
	size_t offset;
	uint64_t code_align;
	int64_t data_align;
	struct cfi_state initial;
	uint8_t pointer_encoding;
	bool has_augmentation_data, is_signal;
	bool has_failed; /* its program is malformed: its functions have no rule */
};

/* One function's entry. */
struct cfi_fde {
	uint64_t start, end; /* addresses */
	const uint8_t *instructions, *instructions_end;
	struct cfi_cie cie;
};

/*
 * The entry at an offset of the section. *fde: zero, or an entry that was read before: most share
 * their CIE with it, which is not read again. *next: where the one after it begins; the section's
 * size where that cannot be told. 0: an FDE; 1: a CIE or the end, nothing to do; -EBADMSG.
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
