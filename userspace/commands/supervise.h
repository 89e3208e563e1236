/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a worker lives. One that ended is known by its socket. One that was stopped (SIGSTOP)
 * says nothing for ever: whoever waits for it looks now and then, and kills it when it does not go
 * on.
 */
#ifndef HEAPTRAIL_COMMANDS_SUPERVISE_H
#define HEAPTRAIL_COMMANDS_SUPERVISE_H

#include "workers/start.h"

#define SUPERVISE_LOOK_MS  1000 /* how often to look */
#define SUPERVISE_TEXT_MAX 128

/* Kills one that is stopped at several looks in a row. A ^Z of the terminal stops whoever looks,
 * too. */
void supervise_look(struct worker_process *worker);

/* why: as in "the tracer …", for supervise_fate(); a literal. */
void supervise_kill(struct worker_process *worker, const char *why);

/* Has it ended, or will it in a moment, otherwise than with status 0? */
bool supervise_has_failed(const struct worker_process *worker);

/* How one ended whose socket has: "was killed by signal 9 (Killed)". Returns text. */
const char *supervise_fate(const struct worker_process *worker, char text[SUPERVISE_TEXT_MAX]);

/* Hangs up and waits for its end; one that takes too long, or is stopped, is killed, and one that
 * cannot be killed is left to whoever adopts it. */
void supervise_finish(struct worker_process *worker);

#endif
