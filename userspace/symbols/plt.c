// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/plt.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX     (1u << 18)
#define STUB_SIZE_MAX 16
/* Of all names together: a million stubs may share one long name. */
#define NAMES_SIZE_MAX (64u << 20)

/* A place in the GOT, and what the dynamic linker puts there. */
struct slot {
	uint64_t address;
	const char *symbol;
};

struct stub {
	uint64_t address, end;
	char *name;
};

struct plt {
	const struct elf *elf;
	plt_own_name *own_name;
	const void *context;
	struct slot *slots; /* by address */
	size_t slot_count;
	const Elf64_Rela *lazy; /* those that a stub may name by their number */
	size_t lazy_count;
	struct stub *stubs; /* by address */
	size_t stub_count, stub_capacity;
	size_t names_size;
	bool failed;
};

/* ---- slots ---- */

static const char *symbol_of(const struct plt *plt, const Elf64_Rela *relocation)
{
	switch (ELF64_R_TYPE(relocation->r_info)) {
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_GLOB_DAT: return elf_dynamic_name(plt->elf, ELF64_R_SYM(relocation->r_info));
	case R_X86_64_IRELATIVE: return plt->own_name(plt->context, (uint64_t)relocation->r_addend);
	default: return NULL;
	}
}

static const Elf64_Rela *relocations(const struct elf *elf, const char *section, size_t *count)
{
	uint64_t address;
	size_t size = 0;
	const uint8_t *bytes = elf_section(elf, section, &address, &size);

	*count = bytes ? size / sizeof(Elf64_Rela) : 0;
	/* the file is mapped at a page */
	return (uintptr_t)bytes % _Alignof(Elf64_Rela) ? NULL : (const void *)bytes;
}

static void add_slots(struct plt *plt, const Elf64_Rela *relocations, size_t count)
{
	for (size_t i = 0; relocations && i < count && plt->slot_count < SLOTS_MAX; i++) {
		const char *symbol = symbol_of(plt, &relocations[i]);
		if (symbol && *symbol)
			plt->slots[plt->slot_count++] = (struct slot) {
				.address = relocations[i].r_offset, .symbol = symbol
			};
	}
}

static int compare_slots(const void *a, const void *b)
{
	const struct slot *left = a, *right = b;

	return left->address < right->address ? -1 : left->address > right->address;
}

static void read_slots(struct plt *plt)
{
	size_t other_count;
	const Elf64_Rela *other = relocations(plt->elf, ".rela.dyn", &other_count);

	plt->lazy = relocations(plt->elf, ".rela.plt", &plt->lazy_count);
	if (!plt->lazy)
		plt->lazy_count = 0;
	plt->slots = calloc(SLOTS_MAX,
			    sizeof(*plt->slots)); /* pages that are not used cost nothing */
	if (!plt->slots) {
		plt->failed = true;
		return;
	}
	add_slots(plt, plt->lazy, plt->lazy_count);
	add_slots(plt, other, other_count);
	qsort(plt->slots, plt->slot_count, sizeof(*plt->slots), compare_slots);
}

/* ---- stubs ---- */

static void add_stub(struct plt *plt, uint64_t address, const char *symbol)
{
	size_t size = strlen(symbol) + sizeof("@plt");

	if (plt->stub_count == plt->stub_capacity) {
		size_t capacity = plt->stub_capacity ? plt->stub_capacity * 2 : 64;
		struct stub *grown = realloc(plt->stubs, capacity * sizeof(*grown));
		if (!grown) {
			plt->failed = true;
			return;
		}
		plt->stubs = grown;
		plt->stub_capacity = capacity;
	}
	if (size > NAMES_SIZE_MAX - plt->names_size)
		return;
	plt->names_size += size;
	char *name = malloc(size);
	if (!name) {
		plt->failed = true;
		return;
	}
	snprintf(name, size, "%s@plt", symbol);
	plt->stubs[plt->stub_count++] = (struct stub) { .address = address, .name = name };
}

static int compare_address(const void *key, const void *item)
{
	uint64_t address = *(const uint64_t *)key, other = ((const struct slot *)item)->address;

	return address < other ? -1 : address > other;
}

/*
 * jmp *slot(%rip), or, where a separate section does that for the sake of indirect branch tracking,
 * push $number. Sets how long the instruction is; 0: neither.
 */
static const char *read_jump(const struct plt *plt, const uint8_t *code, size_t size,
			     uint64_t address, size_t *length)
{
	static const uint8_t NUMBERED[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x68 };
	int32_t operand;

	*length = 0;
	if (size >= 6 && code[0] == 0xff && code[1] == 0x25) {
		*length = 6;
		memcpy(&operand, code + 2, sizeof(operand));
		uint64_t place = address + 6 + (uint64_t)(int64_t)operand;
		const struct slot *slot = bsearch(&place, plt->slots, plt->slot_count,
						  sizeof(*plt->slots), compare_address);
		return slot ? slot->symbol : NULL;
	}
	if (size >= 9 && memcmp(code, NUMBERED, sizeof(NUMBERED)) == 0) {
		*length = 9;
		memcpy(&operand, code + 5, sizeof(operand));
		return operand >= 0 && (size_t)operand < plt->lazy_count
			       ? symbol_of(plt, &plt->lazy[operand])
			       : NULL;
	}
	return NULL;
}

/* endbr64 and bnd belong to the jump behind them. */
static size_t prefix_size(const uint8_t *code, size_t before)
{
	size_t size = 0;

	if (before >= 1 && code[-1] == 0xf2)
		size = 1;
	if (before >= size + 4 && memcmp(code - size - 4, "\xf3\x0f\x1e\xfa", 4) == 0)
		size += 4;
	return size;
}

static void read_stubs(struct plt *plt, const char *section)
{
	uint64_t address;
	size_t size = 0, length, first = plt->stub_count;
	const uint8_t *code = elf_section(plt->elf, section, &address, &size);

	for (size_t at = 0; code && at < size && !plt->failed; at += length ? length : 1) {
		const char *symbol = read_jump(plt, code + at, size - at, address + at, &length);
		if (symbol && *symbol)
			add_stub(plt, address + at - prefix_size(code + at, at), symbol);
	}
	for (size_t i = first; i < plt->stub_count; i++) {
		struct stub *stub = &plt->stubs[i];
		uint64_t next = i + 1 < plt->stub_count ? stub[1].address : address + size;
		stub->end = next - stub->address < STUB_SIZE_MAX ? next
								 : stub->address + STUB_SIZE_MAX;
	}
}

static int compare_stubs(const void *a, const void *b)
{
	return compare_address(&((const struct stub *)a)->address, b);
}

int plt_new(const struct elf *elf, plt_own_name *own_name, const void *context, struct plt **out)
{
	static const char *const SECTIONS[] = { ".plt", ".plt.got", ".plt.sec" };
	struct plt *plt = calloc(1, sizeof(*plt));

	if (!plt)
		return -ENOMEM;
	*plt = (struct plt) { .elf = elf, .own_name = own_name, .context = context };
	if (elf_machine(elf) == EM_X86_64) {
		read_slots(plt);
		for (size_t i = 0; i < sizeof(SECTIONS) / sizeof(*SECTIONS) && !plt->failed; i++)
			read_stubs(plt, SECTIONS[i]);
	}
	free(plt->slots);
	plt->slots = NULL;
	if (plt->stub_count)
		qsort(plt->stubs, plt->stub_count, sizeof(*plt->stubs), compare_stubs);
	if (plt->failed) {
		plt_free(plt);
		return -ENOMEM;
	}
	*out = plt;
	return 0;
}

const char *plt_find(const struct plt *plt, uint64_t address)
{
	size_t low = 0, high = plt->stub_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (plt->stubs[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < plt->stubs[low - 1].end ? plt->stubs[low - 1].name : NULL;
}

void plt_free(struct plt *plt)
{
	if (!plt)
		return;
	for (size_t i = 0; i < plt->stub_count; i++)
		free(plt->stubs[i].name);
	free(plt->stubs);
	free(plt->slots);
	free(plt);
}
