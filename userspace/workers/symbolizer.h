/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the symbolizer worker share. */
#ifndef HEAPTRAIL_WORKERS_SYMBOLIZER_H
#define HEAPTRAIL_WORKERS_SYMBOLIZER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* A regular file that others than root can change. */
bool symbolizer_is_doubtful(const struct stat *st);

/*
 * Puts a copy that nobody else can change in the place of a doubtful file. 0, -ESTALE where it
 * became shorter meanwhile, or another -errno.
 */
int symbolizer_steady(int *fd);

/* The files of a request to name; those that are absent are /dev/null. */
struct symbolizer_files {
	int module, debug, common; /* common: dwz's, of the debug file or of the module */
	int in, out;
};

/*
 * Names `count` ascending file offsets, read from `in`, and writes a names payload to `out`. The
 * debug file counts only where it was made of the module, the common file only where dwz says so.
 * Without debug information only symbol tables are read, by our own bounded reader. 0 or -errno.
 */
int symbolizer_name(const struct symbolizer_files *files, uint32_t count, bool has_debug_info);

/* Writes the struct debug_links of a module, or of its debug file. */
int symbolizer_links(int module, int out);

/*
 * Names `count` ascending addresses, read from `in`, by a map that a just-in-time compiler wrote
 * (symbols/perf_map.h). 0 or -errno; -EFBIG: larger than PERF_MAP_SIZE_MAX.
 */
int symbolizer_name_by_map(int map, int in, uint32_t count, int out);

#endif
