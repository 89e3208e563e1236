/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files whose code targets run: one per (device, inode), held open from its first sight. */
#ifndef HEAPTRAIL_TRACING_MODULES_H
#define HEAPTRAIL_TRACING_MODULES_H

#include "base/map.h"
#include "base/site.h"
#include "bpf/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODULES_MAX (UNWIND_MODULES_MAX - 1) /* each has an unwind table */

struct module {
	uint32_t id; /* from 1 */
	uint64_t device, inode, size_bytes;
	int fd;		 /* -1: could not be opened */
	int debug_fd;	 /* its split debug file, where it is found only by name; -1: none */
	bool is_waiting; /* for the caller */
	bool is_vdso;
	bool needs_whole_table, had_whole_table; /* for the caller */
	bool is_perf_map; /* no ELF file, but the names of code without one (symbols/perf_map.h) */
	char *path;
	char note[128]; /* what of it is missing, and why; "" where all went well */
	struct module_inspection inspection;
	struct probe_site *sites; /* inspection.site_count */
};

struct modules {
	struct module **items; /* item i has id i + 1 */
	size_t count;
	struct map ids; /* identity, hashed -> id of the last such */
};

/* A hash of a file's identity, never 0. */
uint64_t modules_key(uint64_t device, uint64_t inode);

/* The module with this identity, or NULL. */
struct module *modules_find(const struct modules *modules, uint64_t device, uint64_t inode);

/* A new one without fd and sites; owned by the table. NULL: out of memory, or MODULES_MAX reached.
 */
struct module *modules_add(struct modules *modules, uint64_t device, uint64_t inode,
			   const char *path);

/*
 * Takes over what the symbolizer wrote about a module. The bytes come from a worker that parsed a
 * hostile file: counts, rows and registers are checked. 0, -EBADMSG or -ENOMEM.
 */
int module_inspected(struct module *module, const void *bytes, size_t size);

/*
 * Forgets the sites that are not wanted: those of calls that map and unmap, unless they are asked
 * for; and either the static probe points that tell of blocks or, where these are what is asked
 * for, the allocators'. Of marks as many stay as *marks_left says, which they are taken from.
 */
void module_choose_sites(struct module *module, bool has_mappings, bool has_points,
			 uint32_t *marks_left);

/* Adds to the note, once each: what is missing ("no names"), and why, of an -errno. */
void module_note(struct module *module, const char *what, int err);

/* Of what the symbolizer wrote: strings end, sizes fit. */
bool debug_links_are_valid(const struct debug_links *links);

void modules_free(struct modules *modules);

#endif
