// SPDX-License-Identifier: GPL-2.0-or-later
#include "heap/memory.h"

#include "base/io.h"

#include <sys/types.h>
#include <unistd.h>

bool memory_read(const struct memory *memory, uint64_t address, void *data, size_t size)
{
	return address <= INT64_MAX - size && io_pread(memory->fd, data, size, (off_t)address) == 0;
}

const void *memory_view(struct memory *memory, uint64_t address, size_t size)
{
	if (address < memory->start || size > memory->size ||
	    address - memory->start > memory->size - size) {
		if (size > MEMORY_WINDOW_BYTES || address > INT64_MAX - MEMORY_WINDOW_BYTES)
			return NULL;
		/* up to the end of what is mapped there */
		ssize_t n = pread(memory->fd, memory->window, MEMORY_WINDOW_BYTES, (off_t)address);
		memory->start = address;
		memory->size = n > 0 ? (size_t)n : 0;
		if (memory->size < size)
			return NULL;
	}
	return memory->window + (address - memory->start);
}
