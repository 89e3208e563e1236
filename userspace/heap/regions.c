// SPDX-License-Identifier: GPL-2.0-or-later
#include "heap/regions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_c_library(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return strncmp(name, "libc.so.6", 9) == 0 || strncmp(name, "libc-2.", 7) == 0;
}

/* The first mapping of all is the executable's, whose other mappings have its path. */
static bool parse_line(const char *line, char executable[static 512], struct region *region)
{
	char permissions[5] = "", path[512] = "";
	uint64_t inode = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %" SCNu64 " %511[^\n]",
		   &region->start, &region->end, permissions, &inode, path) < 4 ||
	    region->start >= region->end)
		return false;
	if (!*executable && inode)
		memcpy(executable, path, sizeof(path));
	region->is_data = inode && (strcmp(path, executable) == 0 || is_c_library(path));
	return strncmp(permissions, "rw", 2) == 0;
}

/*
 * What continues the one before is a part of it: a heap that has grown since a fork is several
 * mappings. -ENOMEM, or 0; out of order, unlike the kernel's, a line is passed over, as regions are
 * sought by halves.
 */
static int append(struct regions *regions, const struct region *region)
{
	size_t count = regions->count;
	struct region *last = count ? &regions->items[count - 1] : NULL;

	if (last && last->end > region->start)
		return 0;
	if (last && last->end == region->start && !last->is_data && !region->is_data) {
		last->end = region->end;
		return 0;
	}
	if ((count & (count - 1)) == 0) {
		struct region *more = realloc(regions->items,
					      (count ? 2 * count : 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		regions->items = more;
	}
	regions->items[regions->count++] = *region;
	return 0;
}

int regions_parse(char *text, struct regions *regions)
{
	char executable[512] = "";
	int err = 0;

	*regions = (struct regions) { 0 };
	for (char *line = text, *next; line && *line && !err; line = next) {
		struct region region;
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (parse_line(line, executable, &region))
			err = append(regions, &region);
	}
	return err;
}

void regions_free(struct regions *regions)
{
	free(regions->items);
	*regions = (struct regions) { 0 };
}

const struct region *regions_at(const struct regions *regions, uint64_t address)
{
	size_t low = 0, high = regions->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct region *region = &regions->items[middle];
		if (address < region->start)
			high = middle;
		else if (address >= region->end)
			low = middle + 1;
		else
			return region;
	}
	return NULL;
}
