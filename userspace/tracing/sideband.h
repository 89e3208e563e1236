/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's own news of code that processes map: one perf event per CPU that counts nothing, and
 * whose ring gets a record (PERF_RECORD_MMAP2) for each mapping that is executable.
 */
#ifndef HEAPTRAIL_TRACING_SIDEBAND_H
#define HEAPTRAIL_TRACING_SIDEBAND_H

#include <stddef.h>
#include <stdint.h>

struct sideband;

enum sideband_kind {
	SIDEBAND_MAPPING, /* the fields below are filled */
	SIDEBAND_FORK,	  /* pid is a new process of parent; not for threads */
	SIDEBAND_EXIT,	  /* of a process, or of its first thread */
	SIDEBAND_COMM,	  /* pid runs another program, or has another name */
};

struct sideband_news {
	uint32_t kind; /* enum sideband_kind */
	uint32_t pid;
	uint32_t parent;
	uint64_t start, end, file_offset;
	uint64_t device; /* makedev(), as in /proc/PID/maps */
	uint64_t inode;	 /* 0: no file */
	char path[4096];
};

/* news NULL: records found no room, so that any process may have mapped something. */
typedef void sideband_fn(void *context, const struct sideband_news *news);

/* Needs CAP_PERFMON, but nothing later does. 0 or -errno. */
int sideband_open(struct sideband **sideband);

/* Descriptors that poll says can be read, once, after a record came. -1: there are no more. */
int sideband_fd(const struct sideband *sideband, size_t index);

/* Tells every record that waits, oldest first on each CPU; returns how many there were. */
size_t sideband_drain(struct sideband *sideband, sideband_fn *fn, void *context);

/*
 * Decodes one record, size bytes at header. 1: *news is filled; 0: of no interest; -ENOBUFS: it
 * says that records were lost; -EBADMSG: it is cut. For sideband_drain(), and for tests.
 */
int sideband_decode(const void *record, size_t size, struct sideband_news *news);

void sideband_close(struct sideband *sideband);

#endif
