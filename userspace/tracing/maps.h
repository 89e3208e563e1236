/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The executable file mappings of a target, as /proc/PID/maps tells them, kept sorted for look-up.
 * The text is outside data: a target chooses its paths and can map 60,000 files.
 */
#ifndef HEAPTRAIL_TRACING_MAPS_H
#define HEAPTRAIL_TRACING_MAPS_H

#include <stddef.h>
#include <stdint.h>

#define MAPS_MAX 65536

struct mapping {
	uint64_t start, end;
	uint64_t file_offset; /* of start */
	uint64_t device;      /* makedev() */
	uint64_t inode;
	char *path;	 /* as shown, "(deleted)" included; \012 stays escaped; owned by the maps */
	uint32_t module; /* for the caller; 0 at first */
};

struct maps {
	struct mapping *items; /* by start, not overlapping */
	size_t count;
};

/*
 * Parses the text of /proc/PID/maps; only executable mappings of files are kept. 0, -EBADMSG,
 * -ENOMEM, -EFBIG (more than MAPS_MAX).
 */
int maps_parse(const char *text, size_t size, struct maps *maps);

/* The mapping that holds address, or NULL. */
struct mapping *maps_find(const struct maps *maps, uint64_t address);

/*
 * A process mapped something executable: what was there before is cut or goes. Takes over the path;
 * inode 0: nothing of a file is there now. 0, -ENOMEM, -EFBIG; the path is then freed.
 */
int maps_put(struct maps *maps, const struct mapping *mapping);

void maps_free(struct maps *maps);

#endif
