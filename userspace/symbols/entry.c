// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/entry.h"

#include <Zydis/Zydis.h>
#include <elf.h>

#define INSIDE_MAX (1u << 20) /* how far into a function an entry may be */

/* Does an instruction begin at `inside`, in a row of them that begins at `start`? */
static bool is_boundary(const struct elf *elf, uint64_t start, uint64_t inside)
{
	ZydisDecodedInstruction instruction;
	ZydisDecoder decoder;
	size_t size, at = 0;
	const uint8_t *code = elf_code(elf, start, &size);

	if (!code || inside - start > INSIDE_MAX || inside - start >= size)
		return false;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	while (at < inside - start) {
		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(&decoder, NULL, code + at, size - at,
							      &instruction)))
			return false;
		at += instruction.length;
	}
	return at == inside - start;
}

/* The last entry of the list that begins at the address or before it; NULL: none. */
static const struct cfi_entry *entry_before(const struct cfi_list *list, uint64_t address)
{
	size_t low = 0, high = list->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list->entries[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &list->entries[low - 1] : NULL;
}

struct search {
	uint64_t address;
	struct unwind_rule rule; /* of the last row at the address or before it */
};

static void take_row(void *context, uint64_t address, struct unwind_rule rule)
{
	struct search *search = context;

	if (address <= search->address)
		search->rule = rule;
}

/* As a call has left it: nothing but the return address has been pushed. */
static bool has_return_address_on_top(const struct cfi_section *section, const struct cfi_fde *fde,
				      uint64_t address)
{
	struct search search = { .address = address };

	return cfi_run(section, fde, take_row, &search) == 0 && search.rule.kind == UNWIND_RSP &&
	       search.rule.cfa == 8;
}

struct surroundings {
	uint64_t address;
	bool is_inside; /* of a function */
	uint32_t *looks;
};

static void look_around(const struct elf_symbol *symbol, void *context)
{
	struct surroundings *surroundings = context;

	*surroundings->looks -= *surroundings->looks > 0;
	surroundings->is_inside |= symbol->address < surroundings->address &&
				   surroundings->address - symbol->address < symbol->size;
}

bool entry_is_plausible(const struct elf *elf, const struct cfi_list *list, uint64_t address,
			uint32_t *looks)
{
	struct surroundings surroundings = { .address = address, .looks = looks };
	const struct cfi_entry *entry = entry_before(list, address);
	struct cfi_fde fde = { 0 };
	size_t next;

	if (elf_machine(elf) != EM_X86_64)
		return address % 4 == 0;
	if (entry) {
		const struct cfi_section *section = &list->sections[entry->section];
		if (cfi_fde_read(section, entry->offset, &fde, &next) == 0 &&
		    fde.start <= address && address < fde.end)
			return is_boundary(elf, fde.start, address) &&
			       has_return_address_on_top(section, &fde, address);
	}
	if (!*looks)
		return false;
	elf_each_function(elf, look_around, &surroundings);
	return !surroundings.is_inside;
}
