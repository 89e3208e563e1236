// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/points.h"

#include "base/bytes.h"
#include "base/functions.h"
#include "base/text.h"
#include "bpf/settings.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define NOTE_TYPE     3
#define NOTE_NAME     "stapsdt"
#define ARGUMENT_TEXT 64 /* of one argument */

/* Names that the assembler has for a register, of 8, 4, 2 and 1 bytes, at DWARF's number. */
static const char *const REGISTERS[16][4] = {
	{ "rax", "eax", "ax", "al" },	   { "rdx", "edx", "dx", "dl" },
	{ "rcx", "ecx", "cx", "cl" },	   { "rbx", "ebx", "bx", "bl" },
	{ "rsi", "esi", "si", "sil" },	   { "rdi", "edi", "di", "dil" },
	{ "rbp", "ebp", "bp", "bpl" },	   { "rsp", "esp", "sp", "spl" },
	{ "r8", "r8d", "r8w", "r8b" },	   { "r9", "r9d", "r9w", "r9b" },
	{ "r10", "r10d", "r10w", "r10b" }, { "r11", "r11d", "r11w", "r11b" },
	{ "r12", "r12d", "r12w", "r12b" }, { "r13", "r13d", "r13w", "r13b" },
	{ "r14", "r14d", "r14w", "r14b" }, { "r15", "r15d", "r15w", "r15b" },
};

/* From "%rdi" on, or "x0", which are named as they are numbered; *end: behind it. -1: it is none.
 */
static int8_t register_named(uint16_t machine, const char *text, const char **end)
{
	size_t length;

	if (machine == EM_AARCH64) {
		*end = text + 2;
		return text[0] == 'x' && text[1] >= '0' && text[1] <= '7' ? (int8_t)(text[1] - '0')
									  : -1;
	}
	if (*text != '%')
		return -1;
	length = strspn(++text, "abcdefghijklmnopqrstuvwxyz0123456789");
	*end = text + length;
	for (int8_t i = 0; i < 16; i++)
		for (int k = 0; k < 4; k++)
			if (strlen(REGISTERS[i][k]) == length &&
			    memcmp(REGISTERS[i][k], text, length) == 0)
				return i;
	return -1;
}

/* "8@%rdi", "-4@%eax", "8@-24(%rbp)", "8@(%rsp)", "8@$512", "8@x0": where argument i of the point
 * is, or what. */
static bool take_argument(uint16_t machine, struct probe_site *site, size_t i, const char *text)
{
	char *at;
	const char *end;
	long bytes = strtol(text, &at, 10), displacement;

	if (*at != '@' || (labs(bytes) != 8 && labs(bytes) != 4))
		return false;
	site->argument_bytes[i] = (uint8_t)labs(bytes);
	text = at + 1;
	if (*text == '%' || *text == 'x') {
		site->argument[i] = register_named(machine, text, &end);
		return site->argument[i] >= 0 && *end == 0;
	}
	if (*text == '$') {
		displacement = strtol(text + 1, &at, 0);
		site->displacement[i] = (int32_t)displacement;
		return at > text + 1 && *at == 0 && displacement >= 0 && displacement <= INT32_MAX;
	}
	displacement = strtol(text, &at, 10);
	if (*at != '(' || displacement < INT32_MIN || displacement > INT32_MAX)
		return false;
	site->argument[i] = register_named(machine, at + 1, &end);
	site->displacement[i] = (int32_t)displacement;
	site->in_memory |= (uint8_t)(1 << i);
	return site->argument[i] >= 0 && strcmp(end, ")") == 0;
}

/* Those that the function's row asks for. */
static bool take_arguments(uint16_t machine, struct probe_site *site, const char *text)
{
	const struct function *function = &FUNCTIONS[site->function];
	int last = function->size > function->pointer ? function->size : function->pointer;

	for (int i = 0; i <= last; i++) {
		char one[ARGUMENT_TEXT];
		size_t length = strcspn(text, " ");
		if (!length || length >= sizeof(one))
			return false;
		memcpy(one, text, length);
		one[length] = 0;
		if ((i == function->size || i == function->pointer) &&
		    !take_argument(machine, site, (size_t)i, one))
			return false;
		text += length + (text[length] == ' ');
	}
	return true;
}

static int row_of(const char *provider, const char *name)
{
	size_t length = strlen(provider);

	for (size_t i = 0; i < FUNCTION_COUNT; i++) {
		const char *symbol = FUNCTIONS[i].symbol;
		if (CALL_IS_POINT(FUNCTIONS[i].kind) && strncmp(symbol, provider, length) == 0 &&
		    symbol[length] == ':' && strcmp(symbol + length + 1, name) == 0)
			return (int)i;
	}
	return -1;
}

/* The string at *at, which moves behind it; NULL: it does not end in the note. */
static const char *next_string(const uint8_t **at, const uint8_t *end)
{
	const char *string = (const char *)*at;
	const uint8_t *zero = memchr(string, 0, (size_t)(end - *at));

	if (!zero)
		return NULL;
	*at = zero + 1;
	return string;
}

/* One note's content: pc, base, semaphore, provider, name, arguments. False: it is not ours. */
static bool read_note(const struct elf *elf, const uint8_t *bytes, size_t size, uint64_t base,
		      struct probe_site *site, bool *is_usable)
{
	struct bytes_reader in = bytes_reader_on(bytes, size);
	uint64_t pc = bytes_get_le(&in, 8), linked_base = bytes_get_le(&in, 8);
	uint64_t semaphore = bytes_get_le(&in, 8);
	const uint8_t *at = bytes + 24, *end = bytes + size;

	if (in.failed)
		return false;
	const char *provider = next_string(&at, end);
	const char *name = provider ? next_string(&at, end) : NULL;
	const char *arguments = name ? next_string(&at, end) : NULL;
	int row = arguments ? row_of(provider, name) : -1;
	/* 0: the linker has left out the code that it was in */
	if (row < 0 || !pc)
		return false;
	/* prelink moves files; what the section says is where it was moved to */
	if (base && linked_base) {
		pc += base - linked_base;
		semaphore += semaphore ? base - linked_base : 0;
	}
	*site = (struct probe_site) { .function = (uint16_t)row,
				      .argument = { -1, -1, -1, -1, -1, -1 } };
	text_copy(site->symbol, sizeof(site->symbol), FUNCTIONS[row].symbol);
	size_t code_size;
	const uint8_t *code = elf_code(elf, pc, &code_size);
	*is_usable = code && elf_offset_of(elf, pc, &site->offset) &&
		     take_arguments(elf_machine(elf), site, arguments) &&
		     (!semaphore || elf_offset_of(elf, semaphore, &site->semaphore_offset));
	site->entry_offset = site->offset;
	if (*is_usable)
		site->is_emulated = elf_machine(elf) == EM_AARCH64 || *code == 0x90;
	text_copy(site->instruction, sizeof(site->instruction), "nop");
	return true;
}

void points_find(const struct elf *elf, struct probe_site sites[static MODULE_SITES_MAX],
		 uint32_t *count, uint32_t *refused, uint32_t *refused_marks)
{
	size_t size, base_size;
	uint64_t address, base = 0;
	const uint8_t *notes = elf_section(elf, ".note.stapsdt", &address, &size);

	if (!notes || (elf_machine(elf) != EM_X86_64 && elf_machine(elf) != EM_AARCH64))
		return;
	(void)elf_section(elf, ".stapsdt.base", &base, &base_size);
	struct bytes_reader in = bytes_reader_on(notes, size);
	while (bytes_left(&in)) {
		uint64_t name_size = bytes_get_le(&in, 4), content_size = bytes_get_le(&in, 4);
		uint64_t type = bytes_get_le(&in, 4);
		const uint8_t *name = bytes_get(&in, (size_t)((name_size + 3) & ~3ull));
		const uint8_t *content = bytes_get(&in, (size_t)((content_size + 3) & ~3ull));
		struct probe_site site;
		bool is_usable = false;
		if (in.failed)
			return;
		if (type != NOTE_TYPE || name_size != sizeof(NOTE_NAME) ||
		    memcmp(name, NOTE_NAME, sizeof(NOTE_NAME)) != 0 ||
		    !read_note(elf, content, (size_t)content_size, base, &site, &is_usable))
			continue;
		if (is_usable && *count < MODULE_SITES_MAX)
			sites[(*count)++] = site;
		else
			++*(CALL_IS_MARK(FUNCTIONS[site.function].kind) ? refused_marks : refused);
	}
}
