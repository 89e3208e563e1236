// SPDX-License-Identifier: GPL-2.0-or-later
/* A target's file: segments, sections, symbols, links, stubs, and the small file inside it. */
#include "tests/fuzz/elf_input.h"

#include "symbols/links.h"
#include "symbols/minidebug.h"
#include "symbols/nearest.h"

#include <elf.h>

#define SYMBOLS_MAX 1000

struct visited {
	const struct elf *elf;
	size_t count;
};

static void visit(const struct elf_symbol *symbol, void *context)
{
	struct visited *visited = context;
	uint64_t offset, address;
	size_t size;

	/* they may be as many as the file has bytes */
	if (++visited->count > SYMBOLS_MAX)
		return;
	require(strlen(symbol->name) < SIZE_MAX);
	const volatile uint8_t *code = elf_code(visited->elf, symbol->address, &size);
	if (code && size)
		(void)(code[0] + code[size - 1]);
	if (elf_offset_of(visited->elf, symbol->address, &offset))
		elf_address_of(visited->elf, offset, &address);
}

static void read_parts(const struct elf *elf)
{
	static const char *const SECTIONS[] = { ".eh_frame", ".debug_frame", ".note.stapsdt" };
	uint8_t id[BUILD_ID_MAX];
	uint64_t address, size;
	struct debug_links links;
	struct elf *inner;
	size_t length;

	require(elf_build_id(elf, id) <= BUILD_ID_MAX);
	for (size_t i = 0; i < sizeof(SECTIONS) / sizeof(SECTIONS[0]); i++) {
		const volatile uint8_t *bytes = elf_section(elf, SECTIONS[i], &address, &length);
		if (bytes && length)
			(void)(bytes[0] + bytes[length - 1]);
	}
	if (elf_segment(elf, PT_GNU_EH_FRAME, &address, &size)) {
		const volatile uint8_t *bytes = elf_data(elf, address, &length);
		if (bytes && length)
			(void)(bytes[0] + bytes[length - 1]);
	}
	links_read(elf, &links);
	require(memchr(links.name, 0, sizeof(links.name)) &&
		memchr(links.common, 0, sizeof(links.common)) &&
		links.common_id_size <= BUILD_ID_MAX);
	links_is_debug(elf, elf);
	links_is_common(elf, elf);
	elf_checksum(elf);
	if (minidebug_open(elf, &inner) == 0)
		elf_close(inner);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_input input;
	struct nearest *nearest;

	if (!elf_input_open(&input, data, size))
		return 0;
	struct visited functions = { input.elf, 0 }, names = { input.elf, 0 };
	elf_each_function(input.elf, visit, &functions);
	elf_each_name(input.elf, visit, &names);
	require(functions.count <= names.count);
	read_parts(input.elf);
	if (nearest_new(input.elf, NULL, &nearest) == 0) {
		for (uint64_t address = 0; address < 8192; address += 32)
			nearest_find(nearest, address);
		nearest_find(nearest, elf_entry(input.elf));
		nearest_free(nearest);
	}
	elf_input_close(&input);
	return 0;
}
