/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this kernel can do, found by trying it. */
#ifndef HEAPTRAIL_TRACING_FEATURES_H
#define HEAPTRAIL_TRACING_FEATURES_H

#include <stdbool.h>

enum attach_mode {
	ATTACH_SESSION, /* one link for entry and return; kernel >= 6.13 */
	ATTACH_MULTI,	/* a link for entries, one for returns; kernel >= 6.6 */
	ATTACH_PERF,	/* a perf event per site */
	ATTACH_NONE,
};

/* "session", "multi", "perf", "none" */
const char *attach_mode_name(enum attach_mode mode);

/*
 * The best mode that works: loads an empty program and attaches it to a function of the calling
 * process. ATTACH_NONE: not even perf events can be had; *error is the errno of the last try
 * (EPERM: rights).
 */
enum attach_mode features_attach_mode(int *error);

/* Does a program behind a seccomp filter survive the probes of this mode? (tracing/filtered.h) */
bool features_spares_filtered(enum attach_mode mode);

#endif
