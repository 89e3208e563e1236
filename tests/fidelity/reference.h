/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libdw's unwinder makes of a stop: the other opinion. */
#ifndef FIDELITY_REFERENCE_H
#define FIDELITY_REFERENCE_H

#include "tests/fidelity/stop.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define REFERENCE_FRAMES_MAX 1024

struct reference;

struct reference_stack {
	size_t count;
	uint64_t addresses[REFERENCE_FRAMES_MAX]; /* inside the call; the first is the probed
						     instruction */
	bool is_exact[REFERENCE_FRAMES_MAX]; /* the address is where execution stood, not one of a
						call */
	bool is_whole;			     /* the end was one, no error */
	bool has_left_copy;		     /* it wanted memory that was not copied */
	const char *error;		     /* where it is not whole */
};

/* Of a running or stopped process. NULL: libdw does not want it. */
struct reference *reference_open(pid_t pid);

/* The process's mappings have changed. */
bool reference_update(struct reference *reference);

void reference_walk(struct reference *reference, const struct stop *stop,
		    struct reference_stack *stack);

void reference_close(struct reference *reference);

#endif
