/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links a loaded program to instructions of a file. bpf(2) is called directly: libbpf 1.1 does not
 * know uprobe sessions, and libbpf must not be given a target's file to parse in any case.
 */
#ifndef HEAPTRAIL_TRACING_LINKS_H
#define HEAPTRAIL_TRACING_LINKS_H

#include "tracing/features.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The values of enum bpf_attach_type that Debian 12's headers lack. */
#define ATTACH_TYPE_UPROBE_MULTI   48
#define ATTACH_TYPE_UPROBE_SESSION 57

struct link_request {
	int program_fd;
	int file_fd;		 /* the module; reached through /proc/self/fd */
	const uint64_t *offsets; /* file offsets of instructions */
	const uint64_t *semaphores; /* file offsets of counters of who listens, 0: none; or NULL */
	const uint64_t *cookies;    /* one per offset */
	size_t count;
	pid_t pid;	 /* 0: every process that maps the file */
	bool is_return;	 /* MULTI and PERF: at the functions' returns */
	bool is_session; /* SESSION: the program was loaded for it */
};

/*
 * Links, as descriptors that detach when closed: one in fds[] in the modes SESSION and MULTI, two
 * for each offset (event and link) in PERF. fds has room for 2 * count. 0 and *fd_count, or -errno:
 * then nothing is attached.
 */
int links_attach(enum attach_mode mode, const struct link_request *request, int *fds,
		 size_t *fd_count);

#endif
