/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compiles a file's call frame information into the table that the kernel side searches.
 *
 * Only rows that can hold a return address are kept: a stack is walked from one call to the next,
 * so a row without a call or a system call in it is never looked up. That makes tables eight to
 * forty times smaller. The test for a call looks at every byte position, so it keeps too much
 * rather than too little.
 */
#ifndef HEAPTRAIL_SYMBOLS_UNWIND_TABLE_H
#define HEAPTRAIL_SYMBOLS_UNWIND_TABLE_H

#include "base/bytes.h"
#include "symbols/elf.h"

/*
 * Appends the table (base/unwind_blob.h) to out. is_whole: every row, right for any address and not
 * only for those in a call. 0; -ENODATA: the file has no call frame information; -EBADMSG: more of
 * it than its size allows; -ENOTSUP: not x86-64; -ENOMEM.
 */
int unwind_table_compile(const struct elf *elf, bool is_whole, struct bytes_buffer *out);

#endif
