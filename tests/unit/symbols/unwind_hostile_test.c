// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that no compiler made: they are compiled or refused, in time and memory that their size
 * bounds. */
#include "tests/unit/symbols/assembled.h"

#include <elf.h>
#include <errno.h>

/* A module of one segment, built by hand: code, search table, entries. Addresses are offsets. */
enum {
	CODE = 0x100,
	CODE_END = 0x200,
	SEARCH = 0x200,
	ENTRIES = 0x400,
};

static uint8_t file[8192];

static void put_word(size_t at, uint32_t word)
{
	memcpy(file + at, &word, sizeof(word));
}

/* One that describes functions by pc-relative starts. */
static size_t put_cie(size_t at, size_t size)
{
	static const uint8_t BODY[] = { 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1 };

	put_word(at, (uint32_t)size - 4);
	memcpy(file + at + 8, BODY, sizeof(BODY));
	return at + size;
}

/* Its program reaches to at + size. */
static size_t put_fde(size_t at, size_t size, uint32_t start, uint32_t length)
{
	put_word(at, (uint32_t)size - 4);
	put_word(at + 4, (uint32_t)(at + 4 - ENTRIES));
	put_word(at + 8, start - (uint32_t)(at + 8));
	put_word(at + 12, length);
	file[at + 16] = 0; /* no augmentation data */
	return at + 17;
}

static void put_search(size_t index, size_t start, size_t entry)
{
	put_word(SEARCH + 12 + 8 * index, (uint32_t)(start - SEARCH));
	put_word(SEARCH + 16 + 8 * index, (uint32_t)(entry - SEARCH));
	put_word(SEARCH + 8, (uint32_t)index + 1);
}

static void begin_file(void)
{
	Elf64_Ehdr header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
	};
	Elf64_Phdr programs[] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = CODE_END },
		{ .p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = sizeof(file) - SEARCH },
		{ .p_type = PT_GNU_EH_FRAME, .p_filesz = ENTRIES - SEARCH },
	};

	programs[0].p_memsz = programs[0].p_filesz;
	for (int i = 1; i < 3; i++) {
		programs[i].p_memsz = programs[i].p_filesz;
		programs[i].p_offset = programs[i].p_vaddr = SEARCH;
	}
	memset(file, 0, sizeof(file));
	memset(file + CODE, 0x90, CODE_END - CODE);
	memcpy(file, &header, sizeof(header));
	memcpy(file + sizeof(header), programs, sizeof(programs));
	put_word(SEARCH, 0x3b031b01);
	put_word(SEARCH + 4, ENTRIES - SEARCH - 4);
}

/* What is compiled must load. 0 or -errno. */
static int compile(const uint8_t *data, size_t size, bool is_whole, struct unwind_rule *at_code)
{
	struct bytes_buffer bytes = { 0 };
	struct unwind_blob table;
	struct elf *elf = NULL;
	int err = elf_of_bytes(data, size, &elf);

	if (!err)
		err = unwind_table_compile(elf, is_whole, &bytes);
	if (!err) {
		assert_int_equal(unwind_blob_load(bytes.data, bytes.size, &table), 0);
		assert_true(table.header->page_count <= 1 + sizeof(file) / 4096 + size / 4096);
		if (at_code)
			*at_code = table_rule(&table, CODE);
	}
	bytes_free(&bytes);
	elf_close(elf);
	return err;
}

static void a_file_built_by_hand_is_compiled(void **state)
{
	struct unwind_rule rule = { 0 };

	(void)state;
	begin_file();
	size_t entry = put_cie(ENTRIES, 24);
	put_fde(entry, 24, CODE, 16);
	put_search(0, CODE, entry);
	assert_int_equal(compile(file, sizeof(file), true, &rule), 0);
	assert_int_equal(rule.kind, UNWIND_RSP);
	assert_int_equal(rule.cfa, 8);
}

static void a_function_that_leaves_its_segment_has_no_rules(void **state)
{
	static const uint32_t LENGTHS[] = { CODE_END - CODE + 1, 0x10000, 0x7fffffff };
	struct unwind_rule rule = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(LENGTHS) / sizeof(LENGTHS[0]); i++) {
		begin_file();
		size_t entry = put_cie(ENTRIES, 24);
		put_fde(entry, 24, CODE, LENGTHS[i]);
		put_search(0, CODE, entry);
		assert_int_equal(compile(file, sizeof(file), true, &rule), -ENODATA);
	}
}

static void functions_in_data_have_no_rules(void **state)
{
	(void)state;
	begin_file();
	size_t entry = put_cie(ENTRIES, 24);
	put_fde(entry, 24, ENTRIES, 16);
	put_search(0, ENTRIES, entry);
	assert_int_equal(compile(file, sizeof(file), true, NULL), -ENODATA);
}

/* Each entry's program would hold all entries behind it: the square of the file's size. */
static void programs_that_overlap_are_refused(void **state)
{
	(void)state;
	begin_file();
	size_t entry = put_cie(ENTRIES, 24);
	for (size_t i = 0; i < 40; i++) {
		put_search(i, CODE + i, entry);
		entry = put_fde(entry, sizeof(file) - entry, (uint32_t)(CODE + i), 1) + 3;
	}
	assert_int_equal(compile(file, sizeof(file), true, NULL), -EBADMSG);
}

/* It would run again for each function. */
static void a_function_whose_common_entry_is_large_has_no_rules(void **state)
{
	(void)state;
	begin_file();
	size_t entry = put_cie(ENTRIES, 4096);
	put_fde(entry, 24, CODE, 16);
	put_search(0, CODE, entry);
	assert_int_equal(compile(file, sizeof(file), true, NULL), -ENODATA);
}

static void an_entry_that_is_its_own_common_entry_has_no_rules(void **state)
{
	(void)state;
	begin_file();
	put_fde(ENTRIES, 24, CODE, 16);
	put_word(ENTRIES + 4, 4);
	put_search(0, CODE, ENTRIES);
	assert_int_equal(compile(file, sizeof(file), true, NULL), -ENODATA);
}

static void expect_without_search(void)
{
	struct unwind_rule rule = { .kind = UNWIND_INVALID };

	assert_int_equal(compile(file, sizeof(file), true, &rule), 0);
	assert_int_equal(rule.kind, UNWIND_RSP);
}

/* The entries that it would lead to are read from one to the next. */
static void a_search_table_that_leaves_its_segment_is_not_used(void **state)
{
	const size_t segment_size = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr) +
				    offsetof(Elf64_Phdr, p_filesz);
	static const uint32_t COUNTS[] = { 0x10000, 0x20000000, 0xffffffff };

	(void)state;
	begin_file();
	size_t entry = put_cie(ENTRIES, 24);
	for (uint32_t i = 0; i < 2; i++, entry += 24) {
		put_fde(entry, 24, CODE + 16 * i, 16);
		/* the table leads to what has no rule: it shows when it is used */
		put_search(i, CODE + 16 * i + 1, entry);
	}
	put_word(segment_size, 12 + 2 * 8);
	assert_int_equal(compile(file, sizeof(file), true, NULL), -ENODATA);
	put_word(segment_size, 12 + 2 * 8 - 1);
	expect_without_search();
	for (size_t i = 0; i < sizeof(COUNTS) / sizeof(COUNTS[0]); i++) {
		put_word(SEARCH + 8, COUNTS[i]);
		expect_without_search();
	}
}

static const char SOURCE[] =
	".text\n.cfi_startproc\n call f@plt\n .cfi_def_cfa_offset 16\n .cfi_offset 6, -16\n"
	" call f@plt\n .cfi_remember_state\n .cfi_def_cfa_register 6\n syscall\n"
	" .cfi_restore_state\n ret\n.cfi_endproc\n.skip 5000, 0x90\n"
	".cfi_startproc\n .cfi_escape 0x0f,3,0x76,0x78,6\n call *%rax\n .cfi_undefined 16\n ret\n"
	".cfi_endproc\n";

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_below(uint64_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % limit;
}

static void expect_compiled_or_refused(const uint8_t *data, size_t size)
{
	for (int is_whole = 0; is_whole < 2; is_whole++) {
		int err = compile(data, size, is_whole, NULL);
		assert_true(err == 0 || err == -ENODATA || err == -EBADMSG || err == -ENOEXEC ||
			    err == -ENOTSUP);
	}
}

static void a_file_cut_short_is_compiled_or_refused(void **state)
{
	struct assembled module;

	(void)state;
	assembled_open(&module, SOURCE, "");
	for (size_t size = 0; size < module.file.size; size += 13)
		expect_compiled_or_refused(module.file.data, size);
	assembled_close(&module);
}

static void a_file_with_other_bytes_is_compiled_or_refused(void **state)
{
	struct assembled module;
	uint64_t address, search, size;

	(void)state;
	assembled_open(&module, SOURCE, "");
	assert_true(elf_segment(module.elf, PT_GNU_EH_FRAME, &address, &size));
	assert_true(elf_offset_of(module.elf, address, &search));
	uint8_t *copy = malloc(module.file.size);
	for (int i = 0; i < 6000; i++) {
		memcpy(copy, module.file.data, module.file.size);
		for (uint64_t flips = 1 + random_below(3); flips; flips--) {
			/* headers, search table, entries: the rest is not read */
			uint64_t at = random_below(4) ? search + random_below(size + 200)
						      : random_below(0x240);
			copy[at] = (uint8_t)random_below(256);
		}
		expect_compiled_or_refused(copy, module.file.size);
	}
	free(copy);
	assembled_close(&module);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_built_by_hand_is_compiled),
		cmocka_unit_test(a_function_that_leaves_its_segment_has_no_rules),
		cmocka_unit_test(functions_in_data_have_no_rules),
		cmocka_unit_test(programs_that_overlap_are_refused),
		cmocka_unit_test(a_function_whose_common_entry_is_large_has_no_rules),
		cmocka_unit_test(an_entry_that_is_its_own_common_entry_has_no_rules),
		cmocka_unit_test(a_search_table_that_leaves_its_segment_is_not_used),
		cmocka_unit_test(a_file_cut_short_is_compiled_or_refused),
		cmocka_unit_test(a_file_with_other_bytes_is_compiled_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
