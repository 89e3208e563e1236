/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One module's unwind table as the symbolizer hands it over: a header, then
 *
 *   index  uint32_t[page_count + 1]  rows before each 4 KiB page of the file, from page0 on
 *   rows   uint32_t[row_count]       (file offset & 0xfff) << 20 | number of a rule; ascending
 *   rules  uint64_t[rule_count]      struct unwind_rule (bpf/unwind_rule.h)
 *
 * A row holds from its offset to the next row's. The first row is at page0, offset 0. Host byte
 * order: the table never leaves the machine.
 */
#ifndef HEAPTRAIL_BASE_UNWIND_BLOB_H
#define HEAPTRAIL_BASE_UNWIND_BLOB_H

#include <stddef.h>
#include <stdint.h>

#define UNWIND_BLOB_MAGIC 0x31575548 /* "HUW1" */
#define UNWIND_BLOB_RULES (1u << 20) /* numbers of rules are 20 bits */

struct unwind_blob_header {
	uint32_t magic;
	uint32_t page0, page_count;
	uint32_t row_count, rule_count;
	uint32_t raw_row_count;	  /* before rows that no return address can be in were left out */
	uint32_t kind_counts[16]; /* rows by enum unwind_kind */
};

/* A view: it points into the bytes that were given. */
struct unwind_blob {
	const struct unwind_blob_header *header;
	const uint32_t *index, *rows;
	const uint64_t *rules;
};

/*
 * The bytes come from a worker that parsed a hostile file: sizes, the index and every row are
 * checked, so that no use of the view leaves it. bytes: aligned to 8. 0 or -EBADMSG.
 */
int unwind_blob_load(const void *bytes, size_t size, struct unwind_blob *blob);

#endif
