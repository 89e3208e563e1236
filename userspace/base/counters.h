/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counters of the kernel's side, one struct per CPU, as sums. */
#ifndef HEAPTRAIL_BASE_COUNTERS_H
#define HEAPTRAIL_BASE_COUNTERS_H

#include "bpf/event.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* A view of the map behind a descriptor; *size: of what is mapped. MAP_FAILED: errno says why. */
static inline const struct event_counters *counters_map(int fd, size_t cpu_count, size_t *size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	*size = (cpu_count * sizeof(struct event_counters) + page - 1) & ~(page - 1);
	return mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0);
}

static inline void counters_sum(const struct event_counters *counters, size_t cpu_count,
				struct event_counters *sums)
{
	u64 *sum = (u64 *)sums;

	*sums = (struct event_counters) { 0 };
	for (size_t cpu = 0; cpu < cpu_count; cpu++) {
		const u64 *counter = (const u64 *)&counters[cpu];
		for (size_t i = 0; i < sizeof(*sums) / sizeof(*sum); i++)
			sum[i] += __atomic_load_n(&counter[i], __ATOMIC_RELAXED);
	}
}

#endif
