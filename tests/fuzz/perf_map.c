// SPDX-License-Identifier: GPL-2.0-or-later
/* A /tmp/perf-PID.map: the first byte says how many addresses are asked for, which are there. */
#include "symbols/perf_map.h"
#include "tests/fuzz/fuzz.h"

#define ADDRESSES_MAX 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t addresses[ADDRESSES_MAX] = { 0 };
	struct perf_map_name names[ADDRESSES_MAX];
	size_t count = take_byte(&data, &size) % ADDRESSES_MAX;

	for (size_t i = 0; i < count; i++)
		addresses[i] = (i ? addresses[i - 1] + 1 : 0) + take_byte(&data, &size);
	const char *text = (const char *)data;
	if (perf_map_find(text, size, addresses, count, names))
		return 0;
	for (size_t i = 0; i < count; i++)
		require(!names[i].text ||
			(names[i].text >= text && names[i].size <= PERF_MAP_NAME_MAX &&
			 names[i].text + names[i].size <= text + size));
	return 0;
}
