// SPDX-License-Identifier: GPL-2.0-or-later
/* Call frame information: a target's file becomes a table that the tracer takes, or none. */
#include "tests/fuzz/elf_input.h"

#include "base/unwind_blob.h"
#include "symbols/cfi_list.h"
#include "symbols/unwind_table.h"

static void compile(const struct elf *elf, bool is_whole)
{
	struct bytes_buffer out = { 0 };
	struct unwind_blob blob;

	if (unwind_table_compile(elf, is_whole, &out) == 0)
		require(unwind_blob_load(out.data, out.size, &blob) == 0);
	bytes_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_input input;
	struct cfi_list list;

	if (!elf_input_open(&input, data, size))
		return 0;
	if (cfi_list_read(input.elf, &list) == 0)
		for (size_t i = 1; i < list.count; i++)
			require(list.entries[i - 1].start <= list.entries[i].start);
	cfi_list_free(&list);
	compile(input.elf, false);
	compile(input.elf, true);
	elf_input_close(&input);
	return 0;
}
