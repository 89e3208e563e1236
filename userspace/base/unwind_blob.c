// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/unwind_blob.h"

#include <errno.h>

#define ROW_RULE_MASK 0xfffff

static int check(const struct unwind_blob *blob)
{
	const struct unwind_blob_header *header = blob->header;

	if (blob->index[0] != 0 || blob->index[header->page_count] != header->row_count ||
	    header->row_count == 0 || blob->rows[0] >> 20 != 0 || blob->index[1] == 0)
		return -EBADMSG;
	for (uint32_t page = 0; page < header->page_count; page++) {
		if (blob->index[page] > blob->index[page + 1])
			return -EBADMSG;
		for (uint32_t i = blob->index[page]; i + 1 < blob->index[page + 1]; i++)
			if (blob->rows[i] >> 20 >= blob->rows[i + 1] >> 20)
				return -EBADMSG;
	}
	for (uint32_t i = 0; i < header->row_count; i++)
		if ((blob->rows[i] & ROW_RULE_MASK) >= header->rule_count)
			return -EBADMSG;
	return 0;
}

int unwind_blob_load(const void *bytes, size_t size, struct unwind_blob *blob)
{
	const struct unwind_blob_header *header = bytes;

	if (size < sizeof(*header) || header->magic != UNWIND_BLOB_MAGIC ||
	    header->page_count == 0 || header->rule_count > UNWIND_BLOB_RULES)
		return -EBADMSG;
	uint64_t words = (uint64_t)header->page_count + 1 + header->row_count;
	/* rules are aligned to 8 */
	words += words & 1;
	if (size - sizeof(*header) != words * 4 + (uint64_t)header->rule_count * 8)
		return -EBADMSG;
	blob->header = header;
	blob->index = (const uint32_t *)(header + 1);
	/* a page may be without rows, and index values are checked against row_count before rows
	 * are read */
	blob->rows = blob->index + header->page_count + 1;
	blob->rules = (const uint64_t *)(blob->index + words);
	for (uint32_t page = 0; page <= header->page_count; page++)
		if (blob->index[page] > header->row_count)
			return -EBADMSG;
	return check(blob);
}
