/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a command so that not even its first allocation is missed: it is traced until its loader has
 * mapped every library and before any of their constructors runs, and each time code was mapped the
 * caller may put probes there. From its entry point on it runs untraced.
 */
#ifndef HEAPTRAIL_COMMANDS_LAUNCH_H
#define HEAPTRAIL_COMMANDS_LAUNCH_H

#include <sys/types.h>

struct launch {
	pid_t pid;	/* 0: none */
	int gate;	/* the child waits for a byte */
	int fault;	/* and tells the errno of a failed exec */
	int is_running; /* it has passed its entry point */
};

/* Forks the child, which waits. Errors are printed; an exit status. */
int launch_prepare(struct launch *launch, char **command);

/*
 * Executes the command. scan is called when code was mapped, while the child stands still; its
 * status ends the launch where it is not 0. 126 and 127 as a shell would, where the command cannot
 * be executed.
 */
int launch_run(struct launch *launch, int (*scan)(void *context, pid_t pid), void *context);

/* Reaps it; kills it where it never ran. */
void launch_finish(struct launch *launch);

#endif
