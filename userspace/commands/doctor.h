/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks of `heaptrail doctor`, one row each: a new check is a new row. */
#ifndef HEAPTRAIL_COMMANDS_DOCTOR_H
#define HEAPTRAIL_COMMANDS_DOCTOR_H

#include <stddef.h>

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_LIMITED, /* recording works, with less than it could have */
	DOCTOR_MISSING, /* it does not work */
};

struct finding {
	const char *state_directory; /* given */
	enum doctor_state state;
	char seen[512];
};

struct doctor_check {
	const char *name;
	void (*run)(struct finding *finding);
	const char *remedy; /* what follows where it is not ok, and what to do */
};

extern const struct doctor_check DOCTOR_CHECKS[];
extern const size_t DOCTOR_CHECK_COUNT;

#endif
