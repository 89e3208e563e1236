// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files that stay as they are while they are read. Whoever can change a mapped file can change what
 * was checked after it was checked, or cut off what is being read: such a file is copied first.
 */
#include "base/io.h"
#include "workers/symbolizer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define COPY_MAX   (128u << 20) /* larger ones are mapped, and may kill the child that reads them */
#define PIECE_SIZE (256u << 10)

bool symbolizer_is_doubtful(const struct stat *st)
{
	return S_ISREG(st->st_mode) && (st->st_uid != 0 || st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Not more than the file had at first: it may grow as fast as it is read. */
static int copy(int from, int to, uint64_t size)
{
	static char piece[PIECE_SIZE];

	for (uint64_t at = 0; at < size;) {
		uint64_t left = size - at;
		ssize_t got = pread(from, piece, left < PIECE_SIZE ? left : PIECE_SIZE, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -ESTALE;
		int err = io_pwrite(to, piece, (size_t)got, (off_t)at);
		if (err)
			return err;
		at += (uint64_t)got;
	}
	return 0;
}

int symbolizer_steady(int *fd)
{
	struct stat st;

	if (fstat(*fd, &st))
		return -errno;
	if (!symbolizer_is_doubtful(&st) || st.st_size > COPY_MAX)
		return 0;
	int memory = memfd_create("module", MFD_CLOEXEC);
	if (memory < 0)
		return -errno;
	int err = copy(*fd, memory, (uint64_t)st.st_size);
	if (err) {
		close(memory);
		return err;
	}
	close(*fd);
	*fd = memory;
	return 0;
}
