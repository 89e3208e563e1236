/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts workers: separate executables beside the program that runs, with one socket each. */
#ifndef HEAPTRAIL_WORKERS_START_H
#define HEAPTRAIL_WORKERS_START_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct worker_process {
	pid_t pid;  /* 0: not started */
	int pidfd;  /* -1: not started */
	int socket; /* ours; the worker's end is its descriptor WORKER_SOCKET */
	/* where a command watches over it (commands/supervise.h) */
	bool is_stopped;
	unsigned stopped_looks;
	const char *killed_for; /* why it was killed; NULL: it was not */
};

#define WORKER_PROCESS_NONE               \
	{                                 \
		.pidfd = -1, .socket = -1 \
	}

/* The executable of a worker. 0 or -errno. */
int worker_stat(const char *name, struct stat *st);

/*
 * Runs heaptrail-<name> from ../libexec/heaptrail or workers/, relative to the running executable,
 * with an empty environment, /dev/null as stdin and stdout, our stderr, and a socket. 0 or -errno.
 */
int worker_start(const char *name, struct worker_process *worker);

/* The same for one that a service manager starts for whoever connects; nothing is known but its
 * socket. */
int worker_connect(const char *path, struct worker_process *worker);

/* Closes our socket end, waits until it exits, and returns its wait status; 0 where it never
 * started. */
int worker_finish(struct worker_process *worker);

#endif
