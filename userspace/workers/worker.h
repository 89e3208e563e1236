/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every worker does first and last: give up its rights, and say why it failed. */
#ifndef HEAPTRAIL_WORKERS_WORKER_H
#define HEAPTRAIL_WORKERS_WORKER_H

#include "workers/protocol.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Call first. Names the worker for messages, makes it undumpable (its memory may hold keys or
 * another program's inside), closes descriptors above WORKER_SOCKET, and ignores the signals that
 * end its starter: a worker ends when its socket ends.
 */
void worker_begin(const char *name);

/*
 * Then, before anything is heard from a peer: where the worker was started as root it becomes the
 * user of policies/workers/<policy>.policy, without other groups, and keeps the capabilities with
 * which it starts; bounding and ambient set are emptied, new privileges ruled out. Ends the worker
 * with exit status 4 if it lacks one of those.
 */
void worker_leave_root(const char *policy);

struct identity;

/* Whom worker_leave_root() makes of root. 0 or -errno (workers/identity.h). */
int worker_identity(const char *policy, struct identity *identity);

/* Makes the policy's spare capabilities effective. False: it has not got them. */
bool worker_use_spares(const char *policy);

/*
 * Gives up every right that policies/workers/<policy>.policy does not name, for ever: capabilities,
 * file system, system calls, resource limits; then tries some of what was given up. Ends the worker
 * with a failure message if anything still works.
 */
void worker_confine(const char *policy);

/* The same for one that may write: into files in these folders, which are open, and nowhere else.
 */
void worker_confine_to(const char *policy, const int *folders, size_t count);

/* Sends a struct failure to the starter (and stderr where that cannot be), and exits. */
_Noreturn void worker_fail(int exit_status, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same message on another socket, without exiting: a request was refused, the worker goes on.
 */
void worker_refuse(int socket, int exit_status, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
