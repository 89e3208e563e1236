/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways in which the resolver opens by openat2(2), each a constant: the system-call filter,
 * which cannot look into memory, permits their addresses, and the resolver has no call that makes
 * memory writable (policies/workers/resolver.policy). So it can create or write nothing.
 */
#ifndef HEAPTRAIL_WORKERS_OPENS_H
#define HEAPTRAIL_WORKERS_OPENS_H

#include <linux/openat2.h>

/* Each takes hold of a file (O_PATH), by no magic link. */
extern const struct open_how OPEN_FROM;	    /* links lead anywhere */
extern const struct open_how OPEN_BENEATH;  /* and nothing leads out of the folder */
extern const struct open_how OPEN_IN_ROOT;  /* the folder is the root of all links */
extern const struct open_how OPEN_LINKLESS; /* the same, and no link is followed */

#endif
