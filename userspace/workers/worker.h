/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every worker does first and last: give up its rights, and say why it failed. */
#ifndef HEAPTRAIL_WORKERS_WORKER_H
#define HEAPTRAIL_WORKERS_WORKER_H

#include "workers/protocol.h"

/*
 * Call first. Names the worker for messages, makes it undumpable (its memory may hold keys or
 * another program's inside), closes descriptors above WORKER_SOCKET, and ignores the signals that
 * end its starter: a worker ends when its socket ends.
 */
void worker_begin(const char *name);

/*
 * Gives up every right that policies/workers/<policy>.policy does not name, for ever: capabilities,
 * the bounding set, new privileges, file system, system calls, resource limits; then tries some of
 * what was given up. Ends the worker with a failure message if anything still works.
 */
void worker_confine(const char *policy);

/* Sends a struct failure to the starter (and stderr where that cannot be), and exits. */
_Noreturn void worker_fail(int exit_status, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same message on another socket, without exiting: a request was refused, the worker goes on.
 */
void worker_refuse(int socket, int exit_status, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
