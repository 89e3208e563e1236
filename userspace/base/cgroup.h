/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which control group a process is in, of those that it may be in: cgroups(7). */
#ifndef HEAPTRAIL_BASE_CGROUP_H
#define HEAPTRAIL_BASE_CGROUP_H

#include <stddef.h>

#define CGROUP_PATH_MAX 1024

/*
 * Of what /proc/PID/cgroup says: the path in the unified hierarchy; or, where that is the root, as
 * where others are in use as well, the deepest of the others, the first of those. "": it says
 * nothing. What is longer than there is room for is cut.
 */
void cgroup_choose(const char *text, char *path, size_t size);

#endif
