// SPDX-License-Identifier: GPL-2.0-or-later
/* The text of /proc/PID/maps, and a mapping that is put over it; it stays sorted. */
#include "heap/regions.h"
#include "tests/fuzz/fuzz.h"
#include "tracing/maps.h"

static void check(const struct maps *maps)
{
	require(maps->count <= MAPS_MAX);
	for (size_t i = 0; i < maps->count; i++) {
		struct mapping *item = &maps->items[i];
		require(item->start < item->end && item->path);
		require(i == 0 || item[-1].end <= item->start);
		require(maps_find(maps, item->start) == item);
		require(maps_find(maps, item->end - 1) == item);
	}
}

static void put_over(struct maps *maps)
{
	if (!maps->count)
		return;
	const struct mapping *first = &maps->items[0], *last = &maps->items[maps->count - 1];
	struct mapping mapping = { .start = first->start + (first->end - first->start) / 2,
				   .end = last->start + (last->end - last->start + 1) / 2,
				   .inode = 1,
				   .path = strdup("new") };

	if (mapping.start >= mapping.end)
		mapping.end = mapping.start + 1;
	require(maps_put(maps, &mapping) == 0);
	check(maps);
}

static void read_regions(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct regions regions;

	require(text && regions_parse(text, &regions) == 0);
	for (size_t i = 0; i < regions.count; i++)
		require(regions_at(&regions, regions.items[i].start));
	regions_free(&regions);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maps maps = { 0 };

	if (maps_parse((const char *)data, size, &maps) == 0) {
		check(&maps);
		put_over(&maps);
		maps_free(&maps);
	}
	read_regions(data, size);
	return 0;
}
