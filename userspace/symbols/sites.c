// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/sites.h"

#include "base/functions.h"
#include "base/text.h"
#include "bpf/settings.h"
#include "symbols/entry.h"

#include <Zydis/Zydis.h>
#include <elf.h>
#include <errno.h>
#include <string.h>

#define ARGUMENTS	 6
#define REGISTERS	 16
#define STEPS_MAX	 24
#define SP_OFFSET_MAX	 0x7fff
#define SCAN_MAX	 (64u << 10) /* of a function, for branches into its start */
#define SCAN_UNSIZED_MAX (4u << 10)
#define CANDIDATES_MAX	 1024 /* of one file: names that are looked at */

/* DWARF's numbers of the registers, by the processor's: rax rcx rdx rbx rsp rbp rsi rdi r8… */
static const int8_t DWARF_NUMBERS[REGISTERS] = { 0, 2, 1,  3,  7,  6,  4,  5,
						 8, 9, 10, 11, 12, 13, 14, 15 };
/* What each register holds at the entry: the number of an argument, or -1. */
static const int8_t ENTRY_ARGUMENTS[REGISTERS] = { -1, 3, 2,  -1, -1, -1, 1,  0,
						   4,  5, -1, -1, -1, -1, -1, -1 };

enum {
	RSP = 4
};

/* The state of the processor, as far as it matters, before the instruction at `position`. */
struct walk {
	ZydisDecoder decoder;
	const uint8_t *code;
	size_t size;
	uint64_t address; /* of the entry */
	size_t position;
	int8_t held[REGISTERS];
	uint32_t sp_offset;
	bool is_null_tested; /* the instruction before was `test` of the first argument */
	bool skips_null;
};

struct step {
	ZydisDecodedInstruction instruction;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

static bool is_jcc(const uint8_t *code, size_t size)
{
	return size == 2 ? (code[0] & 0xf0) == 0x70
			 : size == 6 && code[0] == 0x0f && (code[1] & 0xf0) == 0x80;
}

/* Plain encodings only: a prefix makes the kernel single-step, or refuse, most of them. */
static bool is_emulated(const uint8_t *code, size_t size)
{
	switch (size) {
	case 1: return code[0] == 0x90 || (code[0] & 0xf8) == 0x50;
	case 2:
		return code[0] == 0xeb || (code[0] == 0x41 && (code[1] & 0xf8) == 0x50) ||
		       is_jcc(code, size);
	case 5: return code[0] == 0xe8 || code[0] == 0xe9;
	default: return is_jcc(code, size);
	}
}

static bool is_branch(const ZydisDecodedInstruction *instruction)
{
	switch (instruction->meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_SYSRET:
	case ZYDIS_CATEGORY_INTERRUPT: return true;
	default: return instruction->meta.branch_type != ZYDIS_BRANCH_TYPE_NONE;
	}
}

/* The processor's number of the whole register that an operand is (a part of); -1: none of the 16.
 */
static int register_of(const ZydisDecodedOperand *operand)
{
	if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return -1;
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
							       operand->reg.value);
	return ZydisRegisterGetClass(whole) == ZYDIS_REGCLASS_GPR64 ? ZydisRegisterGetId(whole)
								    : -1;
}

static bool is_copy(const struct step *step)
{
	return step->instruction.mnemonic == ZYDIS_MNEMONIC_MOV && step->operands[0].size == 64 &&
	       register_of(&step->operands[0]) >= 0 && register_of(&step->operands[1]) >= 0;
}

static bool is_null_test(const struct walk *walk, const struct step *step)
{
	int tested = register_of(&step->operands[0]);

	return step->instruction.mnemonic == ZYDIS_MNEMONIC_TEST && step->operands[0].size == 64 &&
	       tested >= 0 && tested == register_of(&step->operands[1]) && walk->held[tested] == 0;
}

/* How far the instruction moves the stack down; -1: in a way that is not followed. */
static int64_t stack_growth(const struct step *step)
{
	const ZydisDecodedOperand *operands = step->operands;

	switch (step->instruction.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH: return step->instruction.operand_width == 64 ? 8 : -1;
	case ZYDIS_MNEMONIC_SUB:
		if (operands[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE || operands[1].imm.value.s < 0)
			return -1;
		return operands[1].imm.value.s;
	default: return -1;
	}
}

/* Follows one instruction that is not a branch. False: the walk ends here. */
static bool walk_over(struct walk *walk, const struct step *step)
{
	int8_t copied = is_copy(step) ? walk->held[register_of(&step->operands[1])] : -1;

	walk->is_null_tested = is_null_test(walk, step);
	for (size_t i = 0; i < step->instruction.operand_count; i++) {
		const ZydisDecodedOperand *operand = &step->operands[i];
		int written = operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE
				      ? register_of(operand)
				      : -1;
		if (written == RSP) {
			int64_t growth = stack_growth(step);
			if (growth < 0 || growth + walk->sp_offset > SP_OFFSET_MAX)
				return false;
			walk->sp_offset += (uint32_t)growth;
		} else if (written >= 0) {
			walk->held[written] = copied;
		}
	}
	return true;
}

static bool walk_decode(const struct walk *walk, struct step *step)
{
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&walk->decoder, walk->code + walk->position,
						   walk->size - walk->position, &step->instruction,
						   step->operands));
}

/* A register that holds the argument now; its own register where that still does. -1: none. */
static int8_t register_with(const struct walk *walk, int argument)
{
	int8_t found = -1;

	for (int i = 0; i < REGISTERS; i++)
		if (walk->held[i] == argument && (found < 0 || ENTRY_ARGUMENTS[i] == argument))
			found = DWARF_NUMBERS[i];
	return found;
}

static bool has_arguments(const struct walk *walk, const struct function *function)
{
	const int8_t wanted[] = { function->size, function->count, function->alignment,
				  function->pointer };

	for (size_t i = 0; i < sizeof(wanted); i++)
		if (wanted[i] >= 0 && register_with(walk, wanted[i]) < 0)
			return false;
	return true;
}

/* The kernel finds the return address on top of the stack, as it is at the entry only. */
static bool is_usable(const struct walk *walk, const struct function *function)
{
	return has_arguments(walk, function) &&
	       (CALL_IS_ENTRY_ONLY(function->kind) || walk->sp_offset == 0);
}

static void describe(const struct walk *walk, const struct step *step, char *text)
{
	ZydisFormatter formatter;

	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT);
	if (ZYAN_FAILED(ZydisFormatterFormatInstruction(
		    &formatter, &step->instruction, step->operands,
		    step->instruction.operand_count_visible, text, SITE_INSTRUCTION_MAX,
		    walk->address + walk->position, NULL)))
		text[0] = 0;
}

static void take(const struct walk *walk, const struct step *step, struct probe_site *site)
{
	site->offset = site->entry_offset + walk->position;
	site->sp_offset = (uint16_t)walk->sp_offset;
	site->is_emulated = is_emulated(walk->code + walk->position, step->instruction.length);
	site->skips_null = walk->skips_null;
	for (int i = 0; i < ARGUMENTS; i++)
		site->argument[i] = register_with(walk, i);
	describe(walk, step, site->instruction);
}

/*
 * The lowest place after the entry that a direct branch of the function leads to: whoever jumps
 * there has been counted already. Linear decoding loses its way in tables between the code, and
 * finds it again.
 */
static size_t first_target(const struct walk *walk, uint64_t function_size)
{
	uint64_t wanted = function_size ? function_size : SCAN_UNSIZED_MAX;
	size_t end = wanted < SCAN_MAX ? (size_t)wanted : SCAN_MAX, lowest = SIZE_MAX;
	ZydisDecodedInstruction instruction;

	if (end > walk->size)
		end = walk->size;
	for (size_t i = 0; i < end; i += instruction.length) {
		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(&walk->decoder, NULL, walk->code + i,
							      walk->size - i, &instruction))) {
			instruction.length = 1;
			continue;
		}
		if (!instruction.raw.imm[0].is_relative)
			continue;
		int64_t target = (int64_t)(i + instruction.length) + instruction.raw.imm[0].value.s;
		if (target > 0 && (uint64_t)target < lowest)
			lowest = (size_t)target;
	}
	return lowest;
}

static void walk_begin(struct walk *walk, const uint8_t *code, size_t size, uint64_t address)
{
	*walk = (struct walk) { .code = code, .size = size, .address = address };
	memcpy(walk->held, ENTRY_ARGUMENTS, sizeof(walk->held));
	ZydisDecoderInit(&walk->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

static void pick_x86(struct walk *walk, const struct function *function, uint64_t function_size,
		     struct probe_site *site)
{
	size_t end = first_target(walk, function_size);
	struct step step;

	for (int i = 0; i < STEPS_MAX && walk->position < end && walk_decode(walk, &step); i++) {
		const uint8_t *code = walk->code + walk->position;
		size_t length = step.instruction.length;
		/* free(NULL) is no event, so the walk may go on where only others do */
		bool is_passed = function->kind == CALL_FREE && walk->is_null_tested &&
				 !walk->skips_null && is_jcc(code, length) &&
				 step.instruction.mnemonic == ZYDIS_MNEMONIC_JZ;
		bool is_found = is_emulated(code, length) && is_usable(walk, function);
		if (i == 0 || is_found)
			take(walk, &step, site);
		if ((is_found || is_branch(&step.instruction)) && !is_passed)
			return;
		if (is_passed)
			walk->skips_null = true;
		if (!walk_over(walk, &step))
			return;
		walk->position += length;
	}
}

/* The site of one function of the table at an address. 0, or -ENOENT: there is no code. */
static int site_pick(const struct elf *elf, const struct cfi_list *list, uint32_t *looks,
		     uint16_t function, const struct elf_symbol *symbol, struct probe_site *site)
{
	size_t size;
	const uint8_t *code = elf_code(elf, symbol->address, &size);

	*site = (struct probe_site) { .function = function };
	if (!code || !elf_offset_of(elf, symbol->address, &site->entry_offset) ||
	    !entry_is_plausible(elf, list, symbol->address, looks))
		return -ENOENT;
	site->offset = site->entry_offset;
	text_copy(site->symbol, sizeof(site->symbol), symbol->name);
	if (elf_machine(elf) == EM_X86_64) {
		struct walk walk;
		walk_begin(&walk, code, size, symbol->address);
		for (int i = 0; i < ARGUMENTS; i++)
			site->argument[i] = register_with(&walk, i);
		pick_x86(&walk, functions_row(function), symbol->size, site);
		/* nothing that the processor could execute */
		if (!site->instruction[0])
			return -ENOENT;
	} else {
		for (int8_t i = 0; i < ARGUMENTS; i++)
			site->argument[i] = i; /* x0 to x5 */
	}
	return 0;
}

struct finding {
	const struct elf *elf;
	struct cfi_list list;
	uint32_t looks; /* ENTRY_LOOKS_MAX at first */
	bool has_list;	/* it is read once it is needed: few files have an allocator */
	struct probe_site *sites;
	uint32_t count, refused, candidates;
	uint64_t refused_addresses[MODULE_SITES_MAX]; /* the first of them */
	bool is_among_locals;
};

static int function_named(const char *name)
{
	for (size_t i = 0; i < FUNCTION_COUNT; i++)
		if (!CALL_IS_POINT(FUNCTIONS[i].kind) && strcmp(FUNCTIONS[i].symbol, name) == 0)
			return (int)i;
	return -1;
}

static int pick(struct finding *finding, int function, const struct elf_symbol *symbol,
		struct probe_site *site)
{
	/* without call frame information the list is empty */
	if (!finding->has_list)
		(void)cfi_list_read(finding->elf, &finding->list);
	finding->has_list = true;
	return site_pick(finding->elf, &finding->list, &finding->looks, (uint16_t)function, symbol,
			 site);
}

static bool has_site(const struct finding *finding, int function)
{
	for (uint32_t i = 0; i < finding->count; i++)
		if (finding->sites[i].function == function)
			return true;
	return false;
}

/* Names of one address (aligned_alloc is memalign in some libraries) are one site. */
static struct probe_site *known(const struct finding *finding, uint64_t entry_offset)
{
	for (uint32_t i = 0; i < finding->count; i++)
		if (finding->sites[i].entry_offset == entry_offset)
			return &finding->sites[i];
	return NULL;
}

/* Of several names the one in the earlier row: it is better known. */
static void rename_site(struct finding *finding, int function, const struct elf_symbol *symbol,
			struct probe_site *site)
{
	struct probe_site renamed;

	if (site->function < FUNCTION_COUNT && function < site->function &&
	    pick(finding, function, symbol, &renamed) == 0)
		*site = renamed;
}

/* Both tables may name a function. */
static void refuse(struct finding *finding, uint64_t address)
{
	for (uint32_t i = 0; i < finding->refused && i < MODULE_SITES_MAX; i++)
		if (finding->refused_addresses[i] == address)
			return;
	if (finding->refused < MODULE_SITES_MAX)
		finding->refused_addresses[finding->refused] = address;
	finding->refused++;
}

static void add_site(struct finding *finding, int function, const struct elf_symbol *symbol)
{
	if (symbol->is_indirect || finding->count == MODULE_SITES_MAX ||
	    finding->candidates++ >= CANDIDATES_MAX ||
	    pick(finding, function, symbol, &finding->sites[finding->count]))
		refuse(finding, symbol->address);
	else
		finding->count++;
}

static bool is_known(const struct finding *finding, uint64_t address)
{
	uint64_t offset;

	return elf_offset_of(finding->elf, address, &offset) && known(finding, offset);
}

/* What the person names may be local, and of one name there may be several. */
static void find_named_by_user(const struct elf_symbol *symbol, void *context)
{
	struct finding *finding = context;

	for (size_t i = FUNCTION_COUNT; i < functions_count(); i++) {
		const struct user_function *user = functions_user(i);
		if (user->kind && !user->has_offset && strcmp(user->symbol, symbol->name) == 0 &&
		    !is_known(finding, symbol->address))
			add_site(finding, (int)i, symbol);
	}
}

/* The rows of the person, by name and by offset: they win over those that we know. */
static void find_users(struct finding *finding)
{
	if (functions_count() > FUNCTION_COUNT)
		elf_each_function(finding->elf, find_named_by_user, finding);
	for (size_t i = FUNCTION_COUNT; i < functions_count(); i++) {
		const struct user_function *user = functions_user(i);
		struct elf_symbol symbol = { .name = user->symbol, .room = UINT64_MAX };
		if (user->kind && user->has_offset &&
		    elf_address_of(finding->elf, user->offset, &symbol.address) &&
		    !is_known(finding, symbol.address))
			add_site(finding, (int)i, &symbol);
	}
}

static void find_site(const struct elf_symbol *symbol, void *context)
{
	struct finding *finding = context;
	int function = symbol->is_local == finding->is_among_locals ? function_named(symbol->name)
								    : -1;
	uint64_t offset;

	if (function < 0 || (finding->is_among_locals && has_site(finding, function)))
		return;
	struct probe_site *site = elf_offset_of(finding->elf, symbol->address, &offset)
					  ? known(finding, offset)
					  : NULL;
	if (site) {
		rename_site(finding, function, symbol, site);
		return;
	}
	add_site(finding, function, symbol);
}

/* Where the C library allocates, C++'s operators call it. */
static void drop_operators(struct finding *finding)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < finding->count; i++)
		if (!functions_row(finding->sites[i].function)->is_operator)
			finding->sites[kept++] = finding->sites[i];
	finding->count = kept;
}

void sites_find(const struct elf *elf, struct probe_site sites[static MODULE_SITES_MAX],
		uint32_t *count, uint32_t *refused)
{
	struct finding finding = { .elf = elf, .sites = sites, .looks = ENTRY_LOOKS_MAX };

	find_users(&finding);
	elf_each_function(elf, find_site, &finding);
	/* What an archive hides is local once it is linked, as malloc of glibc is in a static PIE.
	 * Where free is not, the file has an allocator, and its local functions are that one's. */
	finding.is_among_locals = has_site(&finding, function_named("free"));
	if (finding.is_among_locals)
		elf_each_function(elf, find_site, &finding);
	if (!has_site(&finding, function_named("free")))
		drop_operators(&finding);
	cfi_list_free(&finding.list);
	*count = finding.count;
	*refused = finding.refused;
}
