// SPDX-License-Identifier: GPL-2.0-or-later
/* A module's unwind table as its compiler hands it over: no use of the view leaves it. */
#include "base/unwind_blob.h"
#include "tests/fuzz/fuzz.h"

static uint64_t sum_rules(const struct unwind_blob *blob)
{
	uint64_t sum = 0;

	for (uint32_t page = 0; page < blob->header->page_count; page++)
		for (uint32_t i = blob->index[page]; i < blob->index[page + 1]; i++)
			sum += blob->rules[blob->rows[i] & 0xfffff];
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *bytes = malloc(size ? size : 1); /* aligned to 8 */
	struct unwind_blob blob;
	volatile uint64_t sum;

	require(bytes);
	memcpy(bytes, data, size);
	if (unwind_blob_load(bytes, size, &blob) == 0) {
		sum = sum_rules(&blob);
		(void)sum;
	}
	free(bytes);
	return 0;
}
