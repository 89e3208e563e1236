/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another process's memory, read only, while it runs: through a descriptor of /proc/PID/mem, with a
 * window that what is read in order is read through. What is there is the other's choice, and may
 * change between two reads.
 */
#ifndef HEAPTRAIL_HEAP_MEMORY_H
#define HEAPTRAIL_HEAP_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_WINDOW_BYTES (1u << 20)

struct memory {
	int fd;
	uint64_t start;	 /* of the window */
	size_t size;	 /* what of it could be read */
	uint8_t *window; /* MEMORY_WINDOW_BYTES, the caller's */
};

/* Some bytes, not through the window. False: they cannot be read. */
bool memory_read(const struct memory *memory, uint64_t address, void *data, size_t size);

/* A view of them, until the next call; moves the window where they are not in it. NULL: they cannot
 * be read. */
const void *memory_view(struct memory *memory, uint64_t address, size_t size);

static inline bool memory_read_word(const struct memory *memory, uint64_t address, uint64_t *word)
{
	return memory_read(memory, address, word, sizeof(*word));
}

#endif
