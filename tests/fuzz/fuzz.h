/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What fuzz targets share. Each tests/fuzz/NAME.c gives the bytes to one parser and asserts what it
 * promises whatever they are; tests/fuzz/corpus/NAME/ has inputs to begin with, and those that once
 * found a mistake.
 */
#ifndef HEAPTRAIL_TESTS_FUZZ_H
#define HEAPTRAIL_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* libFuzzer's, and tests/fuzz/replay.c's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise: a crash where it is not kept, with or without NDEBUG. */
#define require(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

/* The bytes as a file. There is one, which the next call changes. */
static inline int file_of(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("input", MFD_CLOEXEC);
	require(fd >= 0 && ftruncate(fd, 0) == 0 && ftruncate(fd, (off_t)size) == 0);
	require(pwrite(fd, data, size, 0) == (ssize_t)size);
	return fd;
}

/* The next byte of the input, which says what is done with the rest; 0 at its end. */
static inline uint8_t take_byte(const uint8_t **data, size_t *size)
{
	if (!*size)
		return 0;
	--*size;
	return *(*data)++;
}

#endif
