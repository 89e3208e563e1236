/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does a program behind a seccomp filter survive a probe at a return?
 *
 * On x86-64, Linux 6.11 to 6.13 return from a probed function through a system call of its own,
 * which the target's filter does not know and may end it for. 6.14, and what stable kernels took
 * over from it, let that call pass every filter.
 */
#ifndef HEAPTRAIL_TRACING_FILTERED_H
#define HEAPTRAIL_TRACING_FILTERED_H

#include <stdbool.h>

/* A child of the caller makes the call behind a filter that permits it nothing but to exit. Where
 * there can be no child, the answer is no. */
bool filtered_survives(void (*call)(void));

#endif
