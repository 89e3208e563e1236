/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A site and its row of the function table, packed for the kernel side (bpf/settings.h). */
#ifndef HEAPTRAIL_TRACING_COOKIE_H
#define HEAPTRAIL_TRACING_COOKIE_H

#include "base/site.h"

#include <stdbool.h>
#include <stdint.h>

/* point: the row of `points` that says where the arguments of a static probe point are. */
uint64_t cookie_of(const struct probe_site *site, uint32_t point);

struct point;
void cookie_point(const struct probe_site *site, struct point *point);

/* Does its entry say all, so that its return is of no interest? */
bool cookie_is_entry_only(const struct probe_site *site);

/* Is it a static probe point? One of those that tell of no block? */
bool cookie_is_point(const struct probe_site *site);
bool cookie_is_mark(const struct probe_site *site);

/* Does it map or unmap, rather than allocate or free? */
bool cookie_is_mapping(const struct probe_site *site);

#endif
