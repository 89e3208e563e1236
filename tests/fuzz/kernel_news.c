// SPDX-License-Identifier: GPL-2.0-or-later
/* One record of the kernel's news: it has a target's path and name in it. */
#include "tests/fuzz/fuzz.h"
#include "tracing/sideband.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sideband_news news;

	if (sideband_decode(data, size, &news) == 1 && news.kind == SIDEBAND_MAPPING)
		require(memchr(news.path, 0, sizeof(news.path)));
	return 0;
}
