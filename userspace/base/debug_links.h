/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a module, or its debug file, says of where the rest of its debug information is. */
#ifndef HEAPTRAIL_BASE_DEBUG_LINKS_H
#define HEAPTRAIL_BASE_DEBUG_LINKS_H

#include "base/site.h"

/*
 * Names and paths are the file's choice: terminated, and not checked any further. .gnu_debuglink:
 * GDB manual, "Debugging Information in Separate Files"; .gnu_debugaltlink: dwz(1).
 */
struct debug_links {
	char name[256];			 /* the debug file's, without folders; "" it says nothing */
	uint32_t checksum;		 /* the debug file's, as zlib's crc32() */
	uint32_t common_id_size;	 /* 0: nothing was taken out */
	uint8_t common_id[BUILD_ID_MAX]; /* of dwz's common file */
	char common[512];		 /* where that was when dwz ran */
};

#endif
