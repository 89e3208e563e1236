// SPDX-License-Identifier: GPL-2.0-or-later
/* Where call frame information is found, when it is not where it is usually found. */
#include "symbols/cfi_list.h"

#include "tests/unit/symbols/assembled.h"

#include <elf.h>

/* `high` comes first in the sections that describe functions, and last in memory. */
#define FUNCTIONS                                                                         \
	".macro point name\n.globl \\name\n.type \\name, @function\n\\name: nop\n.endm\n" \
	".text 1\n.cfi_startproc\n .cfi_def_cfa_offset 24\n point high\n .cfi_endproc\n"  \
	".text 0\n.skip 64, 0x90\n.cfi_startproc\n .cfi_def_cfa_offset 16\n point low\n"  \
	" .cfi_endproc\n.skip 64, 0x90\n"                                                 \
	".cfi_startproc\n .cfi_signal_frame\n point handler\n .cfi_endproc\n.skip 64, 0x90\n"

static struct assembled module;

static void expect(const char *name, unsigned int kind, int cfa)
{
	struct unwind_rule rule = assembled_rule(&module, name, 0);

	if (rule.kind != kind || rule.cfa != cfa)
		fail_msg("%s: kind %u cfa %d, not kind %u cfa %d", name, rule.kind, rule.cfa, kind,
			 cfa);
}

static void expect_all(void)
{
	expect("low", UNWIND_RSP, 16);
	expect("high", UNWIND_RSP, 24);
	expect("handler", UNWIND_SIGNAL, 0);
	assert_int_equal(assembled_rule(&module, "low", 1).kind, UNWIND_INVALID);
	assert_int_equal(assembled_rule(&module, "high", -1).kind, UNWIND_INVALID);
}

static size_t count_entries(uint8_t section)
{
	struct cfi_list list;
	size_t count = 0;

	assert_int_equal(cfi_list_read(module.elf, &list), 0);
	for (size_t i = 0; i < list.count; i++) {
		assert_true(i == 0 || list.entries[i - 1].start <= list.entries[i].start);
		count += list.entries[i].section == section;
	}
	cfi_list_free(&list);
	return count;
}

static void functions_are_found_by_the_search_table(void **state)
{
	(void)state;
	assembled_open(&module, FUNCTIONS, "");
	expect_all();
	assert_int_equal(count_entries(0), 3);
	assembled_close(&module);
}

static void without_a_search_table_the_section_is_read(void **state)
{
	uint64_t address, size;

	(void)state;
	assembled_open(&module, FUNCTIONS, "-Wl,--no-eh-frame-hdr");
	assert_false(elf_segment(module.elf, PT_GNU_EH_FRAME, &address, &size));
	expect_all();
	assert_int_equal(count_entries(0), 3);
	assembled_close(&module);
}

/* Another encoding, a count that is too large, an entry that is outside. */
static void a_search_table_that_is_wrong_is_not_used(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} CHANGES[] = { { 3, 0x3c }, { 2, 0xff }, { 11, 0x7f }, { 19, 0x70 } };
	uint64_t address, size, offset;

	(void)state;
	for (size_t i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++) {
		assembled_open(&module, FUNCTIONS, "");
		assert_true(elf_segment(module.elf, PT_GNU_EH_FRAME, &address, &size));
		assert_true(elf_offset_of(module.elf, address, &offset));
		uint8_t header[20], before[sizeof(header)];
		memcpy(header, module.file.data + offset, sizeof(header));
		memcpy(before, header, sizeof(header));
		header[CHANGES[i].at] = CHANGES[i].byte;
		assembled_patch(&module, before, header, sizeof(header));
		expect_all();
		assert_int_equal(count_entries(0), 3);
		assembled_close(&module);
	}
}

static void debug_frame_serves_where_there_is_nothing_else(void **state)
{
	(void)state;
	assembled_open(&module, ".cfi_sections .debug_frame\n" FUNCTIONS, "");
	expect_all();
	assert_int_equal(count_entries(1), 3);
	assembled_close(&module);
}

/* A program built without asynchronous unwind tables has .eh_frame for what libc adds to it. */
static void debug_frame_adds_what_is_nowhere_else(void **state)
{
	char path[] = "/tmp/heaptrail-other-XXXXXX", options[96];
	static const char OTHER[] = ".text\n.cfi_startproc\n .cfi_def_cfa_offset 40\n"
				    ".globl other\n.type other, @function\nother: nop\n"
				    ".cfi_endproc\n.skip 64, 0x90\n";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, OTHER, sizeof(OTHER) - 1), sizeof(OTHER) - 1);
	close(fd);
	snprintf(options, sizeof(options), "-x assembler %s", path);
	assembled_open(&module, ".cfi_sections .debug_frame\n" FUNCTIONS, options);
	unlink(path);
	expect_all();
	expect("other", UNWIND_RSP, 40);
	assert_int_equal(count_entries(0), 1);
	assert_int_equal(count_entries(1), 3);
	assembled_close(&module);
}

static void of_two_descriptions_one_stands(void **state)
{
	(void)state;
	assembled_open(&module, ".cfi_sections .eh_frame, .debug_frame\n" FUNCTIONS, "");
	expect_all();
	assembled_close(&module);
}

static void one_malformed_entry_leaves_the_others(void **state)
{
	(void)state;
	assembled_open(&module, FUNCTIONS, "");
	/* the CIE that only `handler` has */
	assembled_patch(&module, "\1zRS", "\1yRS", 5);
	expect("low", UNWIND_RSP, 16);
	expect("high", UNWIND_RSP, 24);
	expect("handler", UNWIND_INVALID, 0);
	assembled_close(&module);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_found_by_the_search_table),
		cmocka_unit_test(without_a_search_table_the_section_is_read),
		cmocka_unit_test(a_search_table_that_is_wrong_is_not_used),
		cmocka_unit_test(debug_frame_serves_where_there_is_nothing_else),
		cmocka_unit_test(debug_frame_adds_what_is_nowhere_else),
		cmocka_unit_test(of_two_descriptions_one_stands),
		cmocka_unit_test(one_malformed_entry_leaves_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
