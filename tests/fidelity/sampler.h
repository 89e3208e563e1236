/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel side of the comparison, loaded: tests/fidelity/fidelity.bpf.c with the production
 * unwinder in it. */
#ifndef FIDELITY_SAMPLER_H
#define FIDELITY_SAMPLER_H

#include "base/unwind_blob.h"
#include "tests/fidelity/stop.h"
#include "tracing/modules.h"

#include <stdbool.h>
#include <sys/types.h>

struct sampler;

/* every: one hit of this many is a stop, at random. 0 or -errno. */
int sampler_open(unsigned int every, struct sampler **sampler);

int sampler_add_target(struct sampler *sampler, pid_t pid);
/* Probes all sites of a module in one process. */
int sampler_attach(struct sampler *sampler, const struct module *module, pid_t pid);
int sampler_publish(struct sampler *sampler, const struct module *module,
		    const struct unwind_blob *table);

/* Waits for stops, at most this long. */
void sampler_wait(struct sampler *sampler, int timeout_ms);

/* Whole records of stacks (among others, by their kind) and of stops, into memory that the next
 * call reuses. */
size_t sampler_events(struct sampler *sampler, const uint8_t **records);
size_t sampler_stops(struct sampler *sampler, const struct stop **stops);

/* No further stop comes. */
void sampler_stop(struct sampler *sampler);

struct sampler_counts {
	uint64_t hits, missed, stacks_lost;
};
struct sampler_counts sampler_counts(const struct sampler *sampler);

void sampler_close(struct sampler *sampler);

#endif
