// SPDX-License-Identifier: GPL-2.0-or-later
/* The payload of a NAMES chunk, without its module: every offset's names are strings. */
#include "capture/names.h"
#include "tests/fuzz/fuzz.h"

static void find(const struct names *names, uint64_t offset)
{
	struct name found[NAMES_INLINE_MAX];
	size_t count = names_find(names, offset, found), length = 0;

	require(count <= NAMES_INLINE_MAX);
	for (size_t i = 0; i < count; i++)
		length += strlen(found[i].function) + strlen(found[i].file);
	require(length < SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct names *names;

	if (names_load(data, size, &names))
		return 0;
	for (uint64_t offset = 0; offset < 300; offset++)
		find(names, offset);
	find(names, UINT64_MAX);
	names_free(names);
	return 0;
}
