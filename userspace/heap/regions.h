/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writable mappings of a process, from the text of /proc/PID/maps (proc(5)). */
#ifndef HEAPTRAIL_HEAP_REGIONS_H
#define HEAPTRAIL_HEAP_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct region {
	uint64_t start, end;
	bool is_data; /* of the executable, or of a C library: where an allocator has its variables
		       */
};

struct regions {
	struct region *items; /* by address; neighbours without a file are one */
	size_t count;
};

/* 0 or -ENOMEM. Lines that are none are passed over. Changes the text. */
int regions_parse(char *text, struct regions *regions);
void regions_free(struct regions *regions);

/* The one that the address is in; NULL: none. */
const struct region *regions_at(const struct regions *regions, uint64_t address);

#endif
