/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole reads and writes: short counts and EINTR are dealt with here. All return 0 or -errno. */
#ifndef HEAPTRAIL_BASE_IO_H
#define HEAPTRAIL_BASE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int io_write(int fd, const void *data, size_t size);
int io_pwrite(int fd, const void *data, size_t size, off_t offset);

/* -ENODATA: the file or stream ended before size bytes; what came is in data. */
int io_read(int fd, void *data, size_t size);
int io_pread(int fd, void *data, size_t size, off_t offset);

/*
 * Reads a file or stream to its end, at most max bytes (-EFBIG beyond), into one allocation that
 * the caller frees, with a terminating 0 after size bytes.
 */
int io_read_all(int fd, size_t max, char **data, size_t *size);

/* Closes and forgets: *fd becomes -1. Accepts -1. */
void io_close(int *fd);

#endif
