/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a worker must not be able to do, as calls that are tried from inside it. */
#ifndef HEAPTRAIL_TESTS_RIGHTS_ATTEMPTS_H
#define HEAPTRAIL_TESTS_RIGHTS_ATTEMPTS_H

#include <stddef.h>
#include <sys/types.h>

/*
 * One call. The filter kills whoever makes it, in every worker but those that a row names:
 * there it is refused by the kernel, as the right to it is gone, or works, as the worker needs it.
 */
struct attempt {
	const char *name;
	long number; /* of the system call */
	long arguments[6];
	long (*make)(void);  /* instead, where the call depends on the run; as syscall(2) */
	const char *refused; /* policies, separated by blanks */
	const char *works;
};

extern const struct attempt ATTEMPTS[];
extern const size_t ATTEMPT_COUNT;

/* Calls that a policy may name without a row: they only reach what the process has already. */
extern const int HARMLESS[];
extern const size_t HARMLESS_COUNT;

/*
 * What the attempts are made on. All of it is anybody's by its mode, but for the key: it is the
 * worker's rights that must be missing. The working directory holds "file", "keys/secret", "own",
 * where a worker that may write somewhere does so, a listening "socket" and a bound "datagrams".
 */
extern pid_t stranger; /* a process of root's that has nothing to do with the worker */

enum {
	FOLDER_FD = 10, /* the working directory */
	STRANGER_FD,	/* a pidfd */
	TERMINAL_FD,	/* a terminal */
	STREAM_FD,	/* sockets that are connected to nobody */
	DATAGRAM_FD,
};

#endif
