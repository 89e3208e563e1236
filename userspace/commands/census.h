/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes a census of a target: opens its memory for the worker that counts, or has a service do so.
 */
#ifndef HEAPTRAIL_COMMANDS_CENSUS_H
#define HEAPTRAIL_COMMANDS_CENSUS_H

#include "base/census.h"
#include "workers/start.h"

#include <stdbool.h>

/*
 * *worker: WORKER_PROCESS_NONE at first; it is started when it is needed. services: the folder of
 * their sockets, or NULL. False: there is none, as
 * the process is gone or cannot be read; a recording goes on without it.
 */
bool census_take(struct worker_process *worker, const char *services, uint32_t pid,
		 struct census *census);

#endif
