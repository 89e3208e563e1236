/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which processes live behind a seccomp filter. */
#ifndef HEAPTRAIL_COMMANDS_SECCOMP_H
#define HEAPTRAIL_COMMANDS_SECCOMP_H

#include <stdbool.h>
#include <stdint.h>

/* Is any thread of the process? Threads have filters of their own. */
bool seccomp_filters(uint32_t pid);

#endif
