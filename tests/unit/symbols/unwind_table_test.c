// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables of the machine's own files, row by row against libdw, which reads CFI with code of its
 * own, and whole tables against those that are kept. */
#include "symbols/unwind_table.h"

#include "tests/unit/symbols/assembled.h"

#include <Zydis/Zydis.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <sys/ucontext.h>

#define LIBRARIES     "/usr/lib/x86_64-linux-gnu/"
#define PADDING_BYTES 15
#define DW_REG_RBP    6
#define DW_REG_RSP    7
#define DW_REG_RA     16

static const char *const FILES[] = {
	LIBRARIES "libc.so.6",
	LIBRARIES "ld-linux-x86-64.so.2",
	LIBRARIES "libcrypto.so.3",
	LIBRARIES "libstdc++.so.6",
	"/usr/bin/python3.11",
	"/usr/bin/redis-server",
	"/usr/bin/git",
};
#define FILES_COUNT (sizeof(FILES) / sizeof(FILES[0]))

/* A file with its whole table and the one that is kept. */
struct module {
	struct elf *elf;
	struct bytes_buffer whole_bytes, kept_bytes;
	struct unwind_blob whole, kept;
};

static bool module_open(struct module *module, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*module = (struct module) { 0 };
	if (fd < 0)
		return false;
	assert_int_equal(elf_open(fd, &module->elf), 0);
	close(fd);
	assert_int_equal(unwind_table_compile(module->elf, true, &module->whole_bytes), 0);
	assert_int_equal(unwind_table_compile(module->elf, false, &module->kept_bytes), 0);
	assert_int_equal(unwind_blob_load(module->whole_bytes.data, module->whole_bytes.size,
					  &module->whole),
			 0);
	assert_int_equal(
		unwind_blob_load(module->kept_bytes.data, module->kept_bytes.size, &module->kept),
		0);
	return true;
}

static void module_close(struct module *module)
{
	bytes_free(&module->whole_bytes);
	bytes_free(&module->kept_bytes);
	elf_close(module->elf);
}

static bool is_same(struct unwind_rule a, struct unwind_rule b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* What libdw says, as a rule. */

static bool is_plt(const Dwarf_Op *ops, size_t count)
{
	static const uint8_t ATOMS[] = { DW_OP_breg7, DW_OP_breg16, DW_OP_lit15, DW_OP_and, 0,
					 DW_OP_ge,    DW_OP_lit3,   DW_OP_shl,	 DW_OP_plus };

	for (size_t i = 0; i < sizeof(ATOMS) && count == sizeof(ATOMS); i++)
		if (i != 4 && ops[i].atom != ATOMS[i])
			return false;
	return count == sizeof(ATOMS) && ops[0].number == 8 && ops[1].number == 0 &&
	       (ops[4].atom == DW_OP_lit10 || ops[4].atom == DW_OP_lit11);
}

/* Of registers by which the files have CFAs. */
static s32 place_in_context(uint64_t number)
{
	switch (number) {
	case 0: return REG_RAX;
	case 1: return REG_RDX;
	case 2: return REG_RCX;
	case 3: return REG_RBX;
	case 4: return REG_RSI;
	case 5: return REG_RDI;
	}
	assert_in_range(number, 8, 15);
	return REG_R8 + (s32)number - 8;
}

static void cfa_of(const Dwarf_Op *ops, size_t count, struct unwind_rule *rule)
{
	bool is_rbp = count && ops[0].atom == DW_OP_breg6;

	rule->kind = UNWIND_EXPRESSION;
	if (count == 1 && ops[0].atom == DW_OP_bregx) {
		rule->cfa = (s32)ops[0].number2;
		rule->kind = ops[0].number == DW_REG_RSP   ? UNWIND_RSP
			     : ops[0].number == DW_REG_RBP ? UNWIND_RBP
							   : UNWIND_REGISTER;
		if (rule->kind == UNWIND_REGISTER)
			rule->cfa = (s32)ops[0].number2 * 16 + place_in_context(ops[0].number);
	} else if (is_plt(ops, count)) {
		rule->kind = UNWIND_PLT;
		rule->cfa = ops[4].atom - DW_OP_lit0;
	} else if (count >= 2 && count <= 3 && (is_rbp || ops[0].atom == DW_OP_breg7) &&
		   ops[1].atom == DW_OP_deref && (count == 2 || ops[2].atom == DW_OP_plus_uconst)) {
		rule->kind = is_rbp ? UNWIND_DEREF_RBP : UNWIND_DEREF_RSP;
		rule->cfa = (s32)((count == 3 ? ops[2].number : 0) << 16 | (uint16_t)ops[0].number);
	}
}

/* Offset of a register that is saved at CFA + offset. */
static bool is_at_cfa(const Dwarf_Op *ops, size_t count, int64_t *offset)
{
	*offset = count == 2 ? (int64_t)ops[1].number : 0;
	return count && count <= 2 && ops[0].atom == DW_OP_call_frame_cfa &&
	       (count == 1 || ops[1].atom == DW_OP_plus_uconst);
}

static void rbp_of(const Dwarf_Op *ops, size_t count, struct unwind_rule *rule)
{
	int64_t offset;

	if (count == 0) {
		rule->bkind = ops ? RBP_UNDEFINED : RBP_SAME;
	} else if (is_at_cfa(ops, count, &offset)) {
		rule->bkind = RBP_AT_CFA;
		rule->rbp = (s16)offset;
	} else if (count == 2 && ops[0].atom == DW_OP_call_frame_cfa &&
		   ops[1].atom == DW_OP_breg6) {
		rule->bkind = RBP_AT_RBP;
		rule->rbp = (s16)ops[1].number;
	} else {
		rule->bkind = RBP_UNDEFINED;
	}
}

static struct unwind_rule rule_by_libdw(Dwarf_Frame *frame)
{
	Dwarf_Op memory[3], *ops;
	struct unwind_rule rule = { 0 };
	bool is_signal;
	size_t count;
	int64_t offset;

	dwarf_frame_info(frame, NULL, NULL, &is_signal);
	if (is_signal)
		return (struct unwind_rule) { .kind = UNWIND_SIGNAL };
	assert_int_equal(dwarf_frame_register(frame, DW_REG_RA, memory, &ops, &count), 0);
	if (count == 0 && ops)
		return (struct unwind_rule) { .kind = UNWIND_END };
	if (count == 1 && ops[0].atom == DW_OP_regx)
		return (struct unwind_rule) { .kind = UNWIND_RA_REGISTER };
	if (!is_at_cfa(ops, count, &offset) || offset != -8)
		return (struct unwind_rule) { .kind = UNWIND_OTHER };
	assert_int_equal(dwarf_frame_cfa(frame, &ops, &count), 0);
	cfa_of(ops, count, &rule);
	assert_int_equal(dwarf_frame_register(frame, DW_REG_RBP, memory, &ops, &count), 0);
	rbp_of(ops, count, &rule);
	return rule;
}

static uint64_t offset_of(const struct module *module, uint64_t address)
{
	uint64_t offset;

	assert_true(elf_offset_of(module->elf, address, &offset));
	return offset;
}

static uint64_t padding; /* bytes so far that have a rule because they follow a function */

/* One row of libdw, or one byte that it has no row for. */
static uint64_t compare_row(struct module *module, Dwarf_CFI *cfi, uint64_t address, uint64_t limit)
{
	struct unwind_rule expected = { 0 };
	uint64_t end = address + 1, offset = offset_of(module, address);
	Dwarf_Frame *frame = NULL;
	bool is_covered = dwarf_cfi_addrframe(cfi, address, &frame) == 0;

	if (is_covered) {
		Dwarf_Addr row_end;
		assert_int_not_equal(dwarf_frame_info(frame, NULL, &row_end, NULL), -1);
		expected = rule_by_libdw(frame);
		free(frame);
		end = row_end < limit ? row_end : limit;
		padding = 0;
	}
	for (uint64_t at = 0; at < end - address; at++) {
		struct unwind_rule rule = table_rule(&module->whole, offset + at);
		if (is_covered ? is_same(rule, expected)
			       : rule.kind == UNWIND_INVALID || rule.kind == UNWIND_END ||
					 ++padding <= PADDING_BYTES)
			continue;
		fail_msg("at %#lx: kind %u cfa %d rbp %u %d, libdw: kind %u cfa %d rbp %u %d",
			 address + at, rule.kind, rule.cfa, rule.bkind, rule.rbp, expected.kind,
			 expected.cfa, expected.bkind, expected.rbp);
	}
	return end;
}

/* How many rows libdw has, and bytes that it has none for, in all code of a file. */
static uint64_t compare_code(struct module *module, Elf *elf, Dwarf_CFI *cfi)
{
	GElf_Phdr program;
	uint64_t rows = 0;

	padding = PADDING_BYTES;
	for (int i = 0; gelf_getphdr(elf, i, &program); i++) {
		if (program.p_type != PT_LOAD || !(program.p_flags & PF_X))
			continue;
		uint64_t end = program.p_vaddr + program.p_filesz;
		for (uint64_t address = program.p_vaddr; address < end; rows++)
			address = compare_row(module, cfi, address, end);
	}
	return rows;
}

static uint64_t compare_with_libdw(const char *path)
{
	struct module module;
	uint64_t rows;

	if (!module_open(&module, path))
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
	assert_non_null(cfi);
	rows = compare_code(&module, elf, cfi);
	dwarf_cfi_end(cfi);
	elf_end(elf);
	close(fd);
	module_close(&module);
	return rows;
}

static void every_row_is_as_libdw_reads_it(void **state)
{
	(void)state;
	elf_version(EV_CURRENT);
	for (size_t i = 0; i < FILES_COUNT; i++) {
		uint64_t rows = compare_with_libdw(FILES[i]);
		assert_true(rows > 1000 || access(FILES[i], F_OK) != 0);
	}
}

static ZydisDecoder decoder;

/* Return addresses of the calls in one whole row: rows begin where instructions do. */
static uint64_t compare_calls(struct module *module, uint64_t start, uint64_t end)
{
	size_t room;
	const uint8_t *code = elf_code(module->elf, start, &room);
	ZydisDecodedInstruction instruction;
	uint64_t calls = 0, base = offset_of(module, start);

	for (size_t at = 0; code && at < end - start; at += instruction.length) {
		if (ZYAN_FAILED(ZydisDecoderDecodeInstruction(&decoder, NULL, code + at,
							      end - start - at, &instruction)))
			break;
		if (instruction.mnemonic != ZYDIS_MNEMONIC_CALL &&
		    instruction.mnemonic != ZYDIS_MNEMONIC_SYSCALL)
			continue;
		calls++;
		uint64_t inside = base + at + instruction.length - 1;
		if (!is_same(table_rule(&module->whole, inside), table_rule(&module->kept, inside)))
			fail_msg("a call at %#lx has another rule", start + at);
	}
	return calls;
}

static uint64_t compare_kept(const char *path)
{
	struct module module;
	uint64_t calls = 0, start = 0, end;

	if (!module_open(&module, path))
		return 0;
	const struct unwind_blob *whole = &module.whole;
	uint32_t row = 0, rows = whole->header->row_count;
	for (uint64_t page = 0; page < whole->header->page_count; page++)
		for (; row < whole->index[page + 1]; row++, start = end) {
			end = (whole->header->page0 + page) << 12 | whole->rows[row] >> 20;
			uint64_t address;
			if (row && whole->rows[row - 1] & 0xfffff &&
			    elf_address_of(module.elf, start, &address))
				calls += compare_calls(&module, address, address + end - start);
		}
	assert_true(module.kept.header->row_count < rows / 3);
	module_close(&module);
	return calls;
}

static void a_call_has_the_same_rule_in_what_is_kept(void **state)
{
	(void)state;
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (size_t i = 0; i < FILES_COUNT; i++) {
		uint64_t calls = compare_kept(FILES[i]);
		assert_true(calls > 500 || access(FILES[i], F_OK) != 0);
	}
}

static void a_function_that_takes_another_stack_is_a_root(void **state)
{
	struct assembled module;

	(void)state;
	assembled_open(
		&module,
		".text\n.globl before, root, other\n.type before, @function\n.type root, "
		"@function\n.type other, @function\nbefore: .cfi_startproc\n push %rbx\n .cfi_adjust_cfa_offset "
		"8\n call *%rax\n .cfi_endproc\n .p2align 4\nroot: .cfi_startproc\n mov %rbx, %rsp\n call "
		"*%rax\n .cfi_endproc\n .p2align 4\nother: .cfi_startproc\n mov %rsp, %rbx\n call *%rax\n "
		".cfi_endproc\n",
		"");
	assert_int_equal(assembled_rule(&module, "before", 1).kind, UNWIND_RSP);
	assert_int_equal(assembled_rule(&module, "root", -2).kind, UNWIND_RSP);
	assert_int_equal(assembled_rule(&module, "root", -1).kind, UNWIND_END);
	assert_int_equal(assembled_rule(&module, "root", 0).kind, UNWIND_RSP);
	assert_int_equal(assembled_rule(&module, "other", -1).kind, UNWIND_RSP);
	assembled_close(&module);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_that_takes_another_stack_is_a_root),
		cmocka_unit_test(every_row_is_as_libdw_reads_it),
		cmocka_unit_test(a_call_has_the_same_rule_in_what_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
