/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel side, loaded: its programs, maps and links. The only file that knows libbpf's types.
 */
#ifndef HEAPTRAIL_TRACING_PROBES_H
#define HEAPTRAIL_TRACING_PROBES_H

#include "base/site.h"
#include "bpf/event.h"
#include "tracing/features.h"
#include "tracing/ring.h"

#include <stdbool.h>
#include <sys/types.h>

struct probes;

struct probes_options {
	pid_t target_pid;   /* the only target; 0: those given to probes_add_target() */
	pid_t recorder_pid; /* holds a command at first; with its children no target of sees_all */
	bool follows;	    /* children of targets are targets */
	bool sees_all;	    /* every process is */
	size_t ring_bytes;  /* a power of two, at least a page */
	bool has_owner;	    /* what has other rights than this user's is no target */
	uint32_t owner_uid;
	bool has_free_stacks;
	bool has_points;   /* blocks are told of by static probe points, not by calls */
	bool has_mappings; /* sites of calls that map and unmap may be attached, too */
	bool has_tables;   /* stacks by unwind tables; else by the kernel's frame-pointer walk */
};

/*
 * Loads the programs for the best way of attaching that this kernel has. Needs CAP_BPF and
 * CAP_PERFMON; nothing below does on kernels >= 6.6. -EOPNOTSUPP: the kernel cannot attach uprobes;
 * other errors are the kernel's, and *step then says at what (static text).
 */
int probes_open(const struct probes_options *options, struct probes **probes, const char **step);

enum attach_mode probes_mode(const struct probes *probes);

/* Lets the programs see this pid's calls. */
int probes_add_target(struct probes *probes, pid_t pid);

/* It has exited: who gets its number next is nobody's target. */
void probes_remove_target(struct probes *probes, pid_t pid);

/*
 * Attaches to the sites of one module, the freeing ones first: a block that is allocated in between
 * is then never one whose free was missed. pid 0: every process that maps the file. Calls make no
 * events before probes_begin().
 */
int probes_attach(struct probes *probes, int module_fd, const struct probe_site *sites,
		  size_t count, pid_t pid);

void probes_begin(struct probes *probes);

/* The other way round for the same reason: no call that begins now allocates, as far as events
 * tell. */
void probes_end_allocations(struct probes *probes);

/* Nor frees. No event is made after this has returned, though probes may be attached until
 * probes_close(), or until the process ends. */
void probes_end(struct probes *probes);

struct unwind_blob;
struct module;

/*
 * Makes a module's unwind table known to the programs, from this moment on. is_whole: the one of
 * all its rows, which is looked into where a signal interrupted code. -ENOSPC: the tables are full;
 * -E2BIG: the module's id is beyond what the programs know; stacks then end at this module, and say
 * so.
 */
int probes_publish(struct probes *probes, const struct module *module, bool is_whole,
		   const struct unwind_blob *table);

/* The target's mappings changed: what the programs remember of its code is not used again. */
void probes_mappings_changed(struct probes *probes, pid_t pid);

struct ring *probes_ring(const struct probes *probes);
int probes_ring_fd(const struct probes *probes);

/* Sums over CPUs. */
void probes_counters(const struct probes *probes, struct event_counters *sums);

/* The map that they are in, which may be mapped elsewhere, too: a struct event_counters per CPU. */
int probes_counters_fd(const struct probes *probes);
size_t probes_cpu_count(const struct probes *probes);

void probes_close(struct probes *probes);

#endif
