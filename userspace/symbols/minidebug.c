// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/minidebug.h"

#include <errno.h>
#include <lzma.h>
#include <sys/mman.h>

/* Of the hundred thousand functions of a large browser: 20 MB. A kilobyte of xz can become a
 * gigabyte. */
#define SIZE_MAX_UNPACKED (64u << 20)
/* What xz -9 asks for, and a little. */
#define MEMORY_MAX (80ull << 20)

static int unpack(const uint8_t *packed, size_t packed_size, uint8_t *out, size_t *size)
{
	uint64_t memory = MEMORY_MAX;
	size_t taken = 0;

	*size = 0;
	lzma_ret result = lzma_stream_buffer_decode(&memory, 0, NULL, packed, &taken, packed_size,
						    out, size, SIZE_MAX_UNPACKED);
	if (result == LZMA_MEM_ERROR)
		return -ENOMEM;
	return result == LZMA_OK && *size ? 0 : -EBADMSG;
}

int minidebug_open(const struct elf *module, struct elf **symbols)
{
	uint64_t address;
	size_t packed_size = 0, size;
	const uint8_t *packed = elf_section(module, ".gnu_debugdata", &address, &packed_size);

	if (!packed)
		return -ENODATA;
	/* pages that nothing is written to cost nothing */
	uint8_t *bytes = mmap(NULL, SIZE_MAX_UNPACKED, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	int err = unpack(packed, packed_size, bytes, &size);
	if (err) {
		munmap(bytes, SIZE_MAX_UNPACKED);
		return err;
	}
	size_t kept = (size + 4095) & ~(size_t)4095;
	if (kept < SIZE_MAX_UNPACKED)
		munmap(bytes + kept, SIZE_MAX_UNPACKED - kept);
	return elf_take(bytes, size, symbols);
}
