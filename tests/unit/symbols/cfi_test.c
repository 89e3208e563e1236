// SPDX-License-Identifier: GPL-2.0-or-later
/* CFI written by hand, whose rules are known, and what is left of it in the hands of enemies. */
#include "symbols/cfi.h"

#include "tests/unit/symbols/assembled.h"

#include <elf.h>

/* A point is one instruction with a name; it begins a row. */
#define POINTS                                                            \
	".macro point name\n.globl \\name\n.type \\name, @function\n"     \
	"\\name: nop\n.endm\n"                                            \
	".macro begin\n.cfi_startproc\n.endm\n.macro end\n.cfi_endproc\n" \
	".skip 64, 0x90\n.endm\n.macro cfi bytes:vararg\n.cfi_escape \\bytes\n.endm\n"

static const char FUNCTIONS[] = POINTS
	".text\n"
	"begin\n point plain\n .cfi_def_cfa_offset 1048720\n point large\n"
	" .cfi_offset 6, -16\n point saved\n .cfi_undefined 6\n point lost\n .cfi_same_value 6\n"
	" point same\n .cfi_offset 6, -65536\n point far_saved\n cfi 0x16,6,2,0x77,0\n"
	" point computed\n end\n"
	/* gcc's prologue of a function that realigns its stack */
	"begin\n .cfi_def_cfa 10, 0\n point drap_r10\n cfi 0x10,6,2,0x76,0\n"
	" cfi 0x0f,3,0x76,0x78,6\n point drap\n .cfi_def_cfa 7, 8\n .cfi_restore 6\n"
	" point drap_end\n end\n"
	"begin\n .cfi_def_cfa_offset 16\n .cfi_offset 6, -16\n .cfi_remember_state\n"
	" .cfi_def_cfa_register 6\n point remembered\n .cfi_restore_state\n point recalled\n end\n"
	"begin\n cfi 0x0f,5,0x77,0x10,6,0x23,8\n point deref_rsp\n"
	" cfi 0x0f,11,0x77,8,0x80,0,0x3f,0x1a,0x3b,0x2a,0x33,0x24,0x22\n point plt\n"
	" cfi 0x0f,11,0x77,8,0x80,0,0x3f,0x1a,0x39,0x2a,0x33,0x24,0x22\n point not_plt\n"
	" cfi 0x0f,6,0x77,0x10,6,6,0x23,8\n point twice\n end\n"
	"begin\n .cfi_def_cfa_offset 56\n cfi 0x0f,5,0x77,0x10,6,0x23,8\n point before_register\n"
	" .cfi_def_cfa_register 7\n point same_offset\n end\n"
	"begin\n .cfi_undefined 16\n point root\n end\n"
	"begin\n .cfi_register 16, 2\n point ra_register\n .cfi_offset 16, -16\n point ra_moved\n"
	" .cfi_offset 16, -8\n point ra_back\n end\n"
	"begin\n .cfi_signal_frame\n point signal\n end\n"
	"begin\n point near\n .skip 100, 0x90\n .cfi_def_cfa_offset 16\n point advance1\n"
	" .skip 300, 0x90\n .cfi_def_cfa_offset 24\n point advance2\n .skip 70000, 0x90\n"
	" .cfi_def_cfa_offset 32\n point advance4\n end\n";

static struct assembled module;

static void expect(const char *name, struct unwind_rule expected)
{
	struct unwind_rule rule = assembled_rule(&module, name, 0);

	if (memcmp(&rule, &expected, sizeof(rule)))
		fail_msg("%s: kind %u cfa %d rbp %u %d, not kind %u cfa %d rbp %u %d", name,
			 rule.kind, rule.cfa, rule.bkind, rule.rbp, expected.kind, expected.cfa,
			 expected.bkind, expected.rbp);
}

static void expect_kind(const char *name, int64_t distance, unsigned int kind)
{
	if (assembled_rule(&module, name, distance).kind != kind)
		fail_msg("%s + %ld: kind %u, not %u", name, distance,
			 assembled_rule(&module, name, distance).kind, kind);
}

static void every_way_to_say_where_the_caller_is_becomes_a_rule(void **state)
{
	static const struct {
		const char *name;
		struct unwind_rule rule;
	} ROWS[] = {
		{ "plain", { 8, 0, UNWIND_RSP, RBP_SAME } },
		{ "large", { 1048720, 0, UNWIND_RSP, RBP_SAME } },
		{ "saved", { 1048720, -16, UNWIND_RSP, RBP_AT_CFA } },
		{ "lost", { 1048720, 0, UNWIND_RSP, RBP_UNDEFINED } },
		{ "same", { 1048720, 0, UNWIND_RSP, RBP_SAME } },
		{ "far_saved", { 1048720, 0, UNWIND_RSP, RBP_UNDEFINED } },
		{ "computed", { 1048720, 0, UNWIND_RSP, RBP_UNDEFINED } },
		{ "drap_r10", { 2, 0, UNWIND_REGISTER, RBP_SAME } },
		{ "drap", { 0xfff8, 0, UNWIND_DEREF_RBP, RBP_AT_RBP } },
		{ "drap_end", { 8, 0, UNWIND_RSP, RBP_SAME } },
		{ "remembered", { 16, -16, UNWIND_RBP, RBP_AT_CFA } },
		{ "recalled", { 16, -16, UNWIND_RSP, RBP_AT_CFA } },
		{ "deref_rsp", { 8 << 16 | 16, 0, UNWIND_DEREF_RSP, RBP_SAME } },
		{ "plt", { 11, 0, UNWIND_PLT, RBP_SAME } },
		{ "not_plt", { 0, 0, UNWIND_EXPRESSION, RBP_SAME } },
		{ "twice", { 0, 0, UNWIND_EXPRESSION, RBP_SAME } },
		{ "before_register", { 8 << 16 | 16, 0, UNWIND_DEREF_RSP, RBP_SAME } },
		{ "same_offset", { 56, 0, UNWIND_RSP, RBP_SAME } },
		{ "root", { 0, 0, UNWIND_END, RBP_SAME } },
		{ "ra_register", { 0, 0, UNWIND_RA_REGISTER, RBP_SAME } },
		{ "ra_moved", { 0, 0, UNWIND_OTHER, RBP_SAME } },
		{ "ra_back", { 8, 0, UNWIND_RSP, RBP_SAME } },
		{ "signal", { 0, 0, UNWIND_SIGNAL, RBP_SAME } },
		{ "near", { 8, 0, UNWIND_RSP, RBP_SAME } },
		{ "advance1", { 16, 0, UNWIND_RSP, RBP_SAME } },
		{ "advance2", { 24, 0, UNWIND_RSP, RBP_SAME } },
		{ "advance4", { 32, 0, UNWIND_RSP, RBP_SAME } },
	};

	(void)state;
	assembled_open(&module, FUNCTIONS, "");
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++)
		expect(ROWS[i].name, ROWS[i].rule);
	assembled_close(&module);
}

static void between_functions_there_is_no_rule_but_for_padding(void **state)
{
	(void)state;
	assembled_open(&module,
		       POINTS "begin\n point first\n .cfi_endproc\n .skip 15, 0x90\n"
			      "begin\n .cfi_def_cfa_offset 16\n point second\n .cfi_endproc\n"
			      ".skip 16, 0x90\nbegin\n point third\n end\n",
		       "");
	expect_kind("first", -1, UNWIND_INVALID);
	expect_kind("second", -1, UNWIND_RSP);
	assert_int_equal(assembled_rule(&module, "second", -1).cfa, 8);
	expect_kind("third", -1, UNWIND_INVALID);
	expect_kind("third", 0, UNWIND_RSP);
	expect_kind("third", 1, UNWIND_INVALID);
	assembled_close(&module);
}

static void nothing_calls_the_entry_point(void **state)
{
	(void)state;
	assembled_open(&module, POINTS "point start\n .skip 64, 0x90\nbegin\n point first\n end\n",
		       "-Wl,-e,start");
	expect_kind("start", 0, UNWIND_END);
	expect_kind("start", 60, UNWIND_END);
	expect_kind("first", 0, UNWIND_RSP);
	expect_kind("first", 1, UNWIND_INVALID);
	assembled_close(&module);
	assembled_open(&module, POINTS "begin\n point first\n end\npoint start\n .skip 64, 0x90\n",
		       "-Wl,-e,start");
	expect_kind("first", 0, UNWIND_RSP);
	expect_kind("first", 60, UNWIND_INVALID);
	expect_kind("start", 0, UNWIND_END);
	assembled_close(&module);
}

/* Two segments of code, far apart in memory, side by side in the file. */
static const char LAYOUT[] =
	"PHDRS { one PT_LOAD FLAGS(5); two PT_LOAD FLAGS(5); rest PT_LOAD FLAGS(4);"
	" search PT_GNU_EH_FRAME; }\n"
	"SECTIONS { .one 0x10000 : { *(.one) } :one .two 0x21020 : { *(.two) } :two\n"
	" .dynsym 0x31040 : { *(.dynsym) } :rest .dynstr : { *(.dynstr) }\n"
	" .gnu.hash : { *(.gnu.hash) } .dynamic : { *(.dynamic) }\n"
	" .eh_frame_hdr : { *(.eh_frame_hdr) } :rest :search\n"
	" .eh_frame : { *(.eh_frame) } :rest }\n";

static void segments_of_code_may_touch_in_the_file(void **state)
{
	char path[] = "/tmp/heaptrail-layout-XXXXXX", options[256];
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, LAYOUT, sizeof(LAYOUT) - 1), sizeof(LAYOUT) - 1);
	close(fd);
	snprintf(options, sizeof(options),
		 "-Wl,-T,%s -Wl,-z,max-page-size=4096 -Wl,--build-id=none -Wl,-e,start", path);
	assembled_open(&module,
		       POINTS ".section .one,\"ax\"\nbegin\n point first\n .skip 31, 0x90\n"
			      " .cfi_endproc\n.section .two,\"ax\"\nbegin\n"
			      " .cfi_def_cfa_offset 16\n point second\n .cfi_endproc\n"
			      ".skip 64, 0x90\npoint start\n",
		       options);
	unlink(path);
	assert_int_equal(assembled_offset(&module, "second") - assembled_offset(&module, "first"),
			 32);
	assert_int_equal(assembled_rule(&module, "first", 31).cfa, 8);
	assert_int_equal(assembled_rule(&module, "second", 0).cfa, 16);
	expect_kind("second", 40, UNWIND_INVALID);
	expect_kind("start", 0, UNWIND_END);
	assembled_close(&module);
}

#define MARKER	     "\x2e\x81\x82\x83\x04\x2e\x85\x86\x07" /* two instructions without effect */
#define BROKEN_BYTES 9

static void what_follows_a_broken_instruction_has_no_rule(void **state)
{
	static const char BROKEN[][BROKEN_BYTES + 1] = {
		"\x3f",			  /* unknown */
		"\x0b",			  /* restore_state without remember_state */
		"\x0f\xff\xff\x7f",	  /* an expression past the end */
		"\x04\xff\xff\xff\xff",	  /* an advance past the function */
		"\x01\0\0\0\0\0\0\0\x80", /* a location before the function */
		"\x07\x06\x3f",		  /* after one that was obeyed */
	};
	static const char SOURCE[] = POINTS
		"begin\n .cfi_def_cfa_offset 16\n point before\n .cfi_endproc\n"
		"begin\n .cfi_def_cfa_offset 24\n point good\n cfi 0x2e,0x81,0x82,0x83,4,0x2e,0x85,0x86,7\n"
		" point broken\n .cfi_endproc\n"
		"begin\n cfi 0x2e,0x81,0x82,0x83,4,0x2e,0x85,0x86,7\n point at_once\n .cfi_endproc\n"
		"begin\n .cfi_def_cfa_offset 32\n point after\n end\n";

	(void)state;
	for (size_t i = 0; i < sizeof(BROKEN) / sizeof(BROKEN[0]); i++) {
		assembled_open(&module, SOURCE, "");
		expect_kind("broken", 0, UNWIND_RSP);
		assembled_patch(&module, MARKER, BROKEN[i], BROKEN_BYTES);
		assert_int_equal(assembled_rule(&module, "before", 0).cfa, 16);
		expect_kind("broken", 0, UNWIND_INVALID);
		expect_kind("at_once", 0, UNWIND_INVALID);
		assert_int_equal(assembled_rule(&module, "after", 0).cfa, 32);
		assembled_close(&module);
	}
}

static void states_are_remembered_sixteen_deep(void **state)
{
	(void)state;
	assembled_open(&module,
		       POINTS "begin\n .rept 16\n cfi 0x0a\n .endr\n point deep\n .cfi_endproc\n"
			      "begin\n .rept 17\n cfi 0x0a\n .endr\n point deeper\n end\n",
		       "");
	expect_kind("deep", 0, UNWIND_RSP);
	expect_kind("deeper", 0, UNWIND_INVALID);
	assembled_close(&module);
}

/* Hostile bytes. */

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_below(uint64_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % limit;
}

static void flip(uint8_t *data, size_t size)
{
	for (uint64_t flips = 1 + random_below(4); flips; flips--)
		data[random_below(size)] = (uint8_t)random_below(256);
}

struct function_rows {
	const struct cfi_fde *fde;
	uint64_t next;
};

static void check_row(void *context, uint64_t address, struct unwind_rule rule)
{
	struct function_rows *rows = context;

	assert_in_range(address, rows->next, rows->fde->end - 1);
	assert_true(rule.kind < UNWIND_KIND_COUNT);
	rows->next = address + 1;
}

static uint64_t run_section(const struct cfi_section *section)
{
	size_t offset = 0, next = 0;
	struct cfi_fde fde = { 0 };
	uint64_t functions = 0;

	for (int kind; (kind = cfi_fde_read(section, offset, &fde, &next)) >= 0; offset = next) {
		assert_true(next > offset);
		if (kind)
			continue;
		struct function_rows rows = { .fde = &fde, .next = fde.start };
		(void)cfi_run(section, &fde, check_row, &rows);
		functions++;
	}
	return functions;
}

/* .eh_frame of the module: the search table before it says where it is. */
static struct cfi_section section_of_module(void)
{
	struct cfi_section section = { 0 };
	uint64_t header, size;
	int32_t distance;

	assert_true(elf_segment(module.elf, PT_GNU_EH_FRAME, &header, &size));
	memcpy(&distance, elf_data(module.elf, header + 4, &section.size), sizeof(distance));
	section.address = header + 4 + (uint64_t)(int64_t)distance;
	section.data = elf_data(module.elf, section.address, &section.size);
	assert_non_null(section.data);
	return section;
}

static void rows_stay_in_their_function_whatever_the_bytes(void **state)
{
	(void)state;
	assembled_open(&module, FUNCTIONS, "");
	struct cfi_section good = section_of_module();
	assert_int_equal(run_section(&good), 9);
	for (int i = 0; i < 30000; i++) {
		/* on the heap, and no byte longer: reads beyond it are seen by the sanitizer */
		size_t size = i & 1 ? good.size : 1 + random_below(good.size);
		uint8_t *copy = malloc(size);
		memcpy(copy, good.data, size);
		flip(copy, size);
		struct cfi_section bad = { .data = copy, .size = size, .address = good.address };
		(void)run_section(&bad);
		free(copy);
	}
	assembled_close(&module);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_to_say_where_the_caller_is_becomes_a_rule),
		cmocka_unit_test(between_functions_there_is_no_rule_but_for_padding),
		cmocka_unit_test(nothing_calls_the_entry_point),
		cmocka_unit_test(segments_of_code_may_touch_in_the_file),
		cmocka_unit_test(what_follows_a_broken_instruction_has_no_rule),
		cmocka_unit_test(states_are_remembered_sixteen_deep),
		cmocka_unit_test(rows_stay_in_their_function_whatever_the_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
