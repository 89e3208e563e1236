/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Static probe points: where a program tells of its allocator's samples by itself, or of moments and
 * scopes.
 *
 * Format: notes of type 3 and name "stapsdt" in .note.stapsdt, as <sys/sdt.h> makes them (systemtap,
 * "UserSpaceProbeImplementation"). Points: provider otel_memory, alloc(pointer, size, weight) and
 * free(pointer), as OpenTelemetry's eBPF profiler drafts them; weight is the unbiased number of
 * bytes that the sample stands for. Provider heaptrail: those of userspace/include/heaptrail.h.
 */
#ifndef HEAPTRAIL_SYMBOLS_POINTS_H
#define HEAPTRAIL_SYMBOLS_POINTS_H

#include "base/site.h"
#include "symbols/elf.h"

/*
 * Adds those of the file to sites, of which *count are taken. *refused and *refused_marks count
 * those whose arguments are not where they can be read, or which find no room.
 */
void points_find(const struct elf *elf, struct probe_site sites[static MODULE_SITES_MAX],
		 uint32_t *count, uint32_t *refused, uint32_t *refused_marks);

#endif
