/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes as an ELF file that is mapped, behind whose last byte nothing may be read. */
#ifndef HEAPTRAIL_TESTS_ELF_INPUT_H
#define HEAPTRAIL_TESTS_ELF_INPUT_H

#include "symbols/elf.h"
#include "tests/fuzz/fuzz.h"

#include <sanitizer/asan_interface.h>

struct elf_input {
	struct elf *elf;
	uint8_t *bytes, *end; /* of the mapping */
};

static inline bool elf_input_open(struct elf_input *input, const uint8_t *data, size_t size)
{
	size_t mapped = (size + 4095) & ~(size_t)4095;

	if (!size)
		return false;
	input->bytes = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0);
	require(input->bytes != MAP_FAILED);
	input->end = input->bytes + mapped;
	memcpy(input->bytes, data, size);
	if (elf_take(input->bytes, size, &input->elf))
		return false;
	ASAN_POISON_MEMORY_REGION(input->bytes + size, mapped - size);
	return true;
}

static inline void elf_input_close(struct elf_input *input)
{
	ASAN_UNPOISON_MEMORY_REGION(input->bytes, (size_t)(input->end - input->bytes));
	elf_close(input->elf);
}

#endif
