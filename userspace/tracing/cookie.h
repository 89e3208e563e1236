/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A site and its row of the function table, packed for the kernel side (bpf/settings.h). */
#ifndef HEAPTRAIL_TRACING_COOKIE_H
#define HEAPTRAIL_TRACING_COOKIE_H

#include "base/site.h"

#include <stdbool.h>
#include <stdint.h>

uint64_t cookie_of(const struct probe_site *site);

/* Does the function only free: is its return of no interest? */
bool cookie_is_free(const struct probe_site *site);

#endif
