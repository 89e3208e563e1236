/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The age program, which wraps a secret for a recipient that needs an age plugin. It runs as
 * nobody (without root: as who starts it), without capabilities or a network, may write no file,
 * and learns the secret from a pipe, whose other end whoever has the secret gets; the command that
 * starts it does not learn it.
 */
#ifndef HEAPTRAIL_COMMANDS_AGE_PROGRAM_H
#define HEAPTRAIL_COMMANDS_AGE_PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

struct age_program {
	pid_t pid;    /* 0: none */
	int pipes[2]; /* what the secret is written to, and what the age file is read from */
	int said;     /* its standard error */
};

#define AGE_PROGRAM_NONE                        \
	{                                       \
		.pipes = { -1, -1 }, .said = -1 \
	}

/* Does encrypting for this recipient take it? */
bool age_program_is_needed(const char *recipient);

/*
 * Starts it. It and the plugin are looked for in /usr/local/bin and /usr/bin only, and must be
 * root's. Errors are printed; an exit status.
 */
int age_program_start(struct age_program *program, const char *recipient);

/*
 * Has it open a key slot by an identity file that takes it, which is its standard input; what was
 * wrapped goes to `out`, and to nobody else. plugin: NAME of the one that it needs, "": none.
 * Returns when it has ended: whether it could is told by what it wrote. It runs as who asks (as
 * root: as nobody), at their terminal, where they may have to type, and may use devices. Errors are
 * printed; an exit status.
 */
int age_program_open(const char *what, const char *plugin, int identity, int slot, int out);

/* Closes our ends of the pipes: they belong to whom they were sent. */
void age_program_hand_over(struct age_program *program);

/* Ends it, whether or not it is done, and prints what it said; one that was never started (zeros)
 * is none. */
void age_program_finish(struct age_program *program);

#endif
