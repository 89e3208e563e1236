// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/sites.h"
#include "base/functions.h"
#include "bpf/settings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LIBC	 "/lib/x86_64-linux-gnu/libc.so.6"
#define JEMALLOC "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2"

enum {
	RAX,
	RDX,
	RCX,
	RBX,
	RSI,
	RDI,
	RBP,
	RSP,
	R8,
	R9,
	R12 = 12
}; /* as DWARF numbers them */

static struct probe_site sites[MODULE_SITES_MAX];
static uint32_t count, refused;

static void find(const char *path)
{
	struct elf *elf = NULL;
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		skip();
	assert_int_equal(elf_open(fd, &elf), 0);
	close(fd);
	sites_find(elf, sites, &count, &refused);
	elf_close(elf);
}

/* The site of a function in a shared object made of these instructions. */
static const struct probe_site *site_named(const char *symbol)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(functions_row(sites[i].function)->symbol, symbol) == 0)
			return &sites[i];
	return NULL;
}

static void assemble(const char *functions)
{
	char source[] = "/tmp/heaptrail-sites-XXXXXX", command[256], object[64];
	int fd = mkstemp(source);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, functions, strlen(functions)), strlen(functions));
	close(fd);
	snprintf(object, sizeof(object), "%s.so", source);
	snprintf(command, sizeof(command), "gcc -shared -nostdlib -x assembler %s -o %s", source,
		 object);
	assert_int_equal(system(command), 0);
	find(object);
	unlink(source);
	unlink(object);
}

#define BEGIN(name) ".text\n.globl " name "\n.type " name ", @function\n.p2align 4\n" name ":\n"
#define END(name)   ".size " name ", . - " name "\n"

static int64_t moved(const struct probe_site *site)
{
	assert_non_null(site);
	return (int64_t)(site->offset - site->entry_offset);
}

static void an_emulated_entry_is_the_site(void **state)
{
	(void)state;
	assemble(BEGIN("malloc") "push %r12\n ret\n" END("malloc"));
	assert_int_equal(moved(site_named("malloc")), 0);
	assert_int_equal(site_named("malloc")->is_emulated, 1);
	assert_int_equal(site_named("malloc")->argument[0], RDI);
	assert_string_equal(site_named("malloc")->instruction, "push %r12");
}

static void endbr_is_passed(void **state)
{
	(void)state;
	assemble(BEGIN("malloc") "endbr64\n push %rbp\n ret\n" END("malloc"));
	assert_int_equal(moved(site_named("malloc")), 4);
	assert_int_equal(site_named("malloc")->sp_offset, 0);
}

static void a_conditional_branch_may_carry_the_probe(void **state)
{
	(void)state;
	assemble(BEGIN("malloc") "cmp $0x1000,%rdi\n ja 1f\n push %rbx\n1: ret\n" END("malloc"));
	assert_int_equal(moved(site_named("malloc")), 7);
	assert_int_equal(site_named("malloc")->skips_null, 0);
}

static void free_is_probed_behind_its_null_check(void **state)
{
	(void)state;
	assemble(BEGIN("free") "test %rdi,%rdi\n je 1f\n push %rbp\n pop %rbp\n1: ret\n" END(
		"free"));
	assert_int_equal(moved(site_named("free")), 5);
	assert_int_equal(site_named("free")->skips_null, 1);
	assert_int_equal(site_named("free")->is_emulated, 1);
}

static void malloc_is_not_probed_behind_a_zero_check(void **state)
{
	(void)state;
	assemble(BEGIN("malloc") "test %rdi,%rdi\n je 1f\n push %rbp\n pop %rbp\n1: ret\n" END(
		"malloc"));
	assert_int_equal(moved(site_named("malloc")), 3);
	assert_int_equal(site_named("malloc")->skips_null, 0);
}

static void no_other_check_is_passed(void **state)
{
	(void)state;
	assemble(BEGIN("free") "test %rsi,%rsi\n je 1f\n push %rbp\n pop %rbp\n1: ret\n" END(
		"free"));
	assert_int_equal(moved(site_named("free")), 3);
	assemble(BEGIN("free") "test %edi,%edi\n je 1f\n push %rbp\n pop %rbp\n1: ret\n" END(
		"free"));
	assert_int_equal(moved(site_named("free")), 2);
}

static void without_code_behind_the_null_check_the_check_is_the_site(void **state)
{
	(void)state;
	assemble(BEGIN("free") "test %rdi,%rdi\n je 1f\n mov %rax,%rbx\n1: ret\n" END("free"));
	assert_int_equal(moved(site_named("free")), 3);
	assert_int_equal(site_named("free")->skips_null, 0);
	assert_int_equal(site_named("free")->is_emulated, 1);
}

static void a_place_that_others_jump_to_is_no_site(void **state)
{
	(void)state;
	assemble(BEGIN("malloc") "mov %rdi,%rax\n1: push %rbx\n pop %rbx\n dec %rax\n jne 1b\n"
				 " ret\n" END("malloc"));
	assert_int_equal(moved(site_named("malloc")), 0);
	assert_int_equal(site_named("malloc")->is_emulated, 0);
}

static void the_stack_pointer_is_as_at_the_entry_where_a_return_is_wanted(void **state)
{
	(void)state;
	assemble(BEGIN("malloc") "sub $0x18,%rsp\n push %rbx\n ret\n" END("malloc"));
	assert_int_equal(moved(site_named("malloc")), 0);
	assert_int_equal(site_named("malloc")->sp_offset, 0);
}

static void a_moved_stack_pointer_is_recorded_for_free(void **state)
{
	(void)state;
	assemble(BEGIN("free") "sub $0x18,%rsp\n push %rbx\n ret\n" END("free"));
	assert_int_equal(moved(site_named("free")), 4);
	assert_int_equal(site_named("free")->sp_offset, 0x18);
}

static void arguments_are_followed_through_copies(void **state)
{
	(void)state;
	assemble(
		BEGIN("malloc") "mov %rdi,%rsi\n xor %edi,%edi\n cmp $9,%rsi\n ja 1f\n1: ret\n" END(
			"malloc"));
	assert_int_equal(site_named("malloc")->is_emulated, 1);
	assert_true(moved(site_named("malloc")) > 0);
	assert_int_equal(site_named("malloc")->argument[0], RSI);
	assert_int_equal(site_named("malloc")->argument[1], -1);
}

static void a_lost_argument_makes_the_entry_the_site(void **state)
{
	(void)state;
	assemble(BEGIN("malloc") "mov %edi,%esi\n xor %edi,%edi\n push %rbx\n ret\n" END("malloc"));
	assert_int_equal(moved(site_named("malloc")), 0);
	assert_int_equal(site_named("malloc")->is_emulated, 0);
	assert_int_equal(site_named("malloc")->argument[0], RDI);
}

static void prefixes_are_not_emulated(void **state)
{
	(void)state;
	assemble(BEGIN("malloc") ".byte 0x66, 0x90\n push %rbx\n ret\n" END("malloc"));
	assert_int_equal(moved(site_named("malloc")), 2);
	assemble(BEGIN("malloc") ".byte 0x48, 0x53\n ret\n" END("malloc"));
	assert_int_equal(site_named("malloc")->is_emulated, 0);
}

static void names_of_one_address_are_one_site(void **state)
{
	(void)state;
	assemble(".globl memalign\n.type memalign, @function\n.set memalign, aligned_alloc\n" BEGIN(
		"aligned_alloc") "push %rbx\n ret\n" END("aligned_alloc"));
	assert_int_equal(count, 1);
}

static void ifuncs_are_refused(void **state)
{
	(void)state;
	assemble(".text\n.globl malloc\n.type malloc, @gnu_indirect_function\nmalloc: ret\n" END(
		"malloc"));
	assert_int_equal(count, 0);
	assert_int_equal(refused, 1);
}

#define LOCAL(name) ".text\n.type " name ", @function\n" name ":\n"

static void what_is_hidden_beside_a_global_free_has_a_site(void **state)
{
	(void)state;
	assemble(LOCAL("malloc") "push %rbx\n ret\n" END("malloc")
			 BEGIN("free") "push %rbx\n ret\n" END("free"));
	assert_int_equal(moved(site_named("malloc")), 0);
	assert_int_equal(count, 2);
}

static void local_functions_alone_are_no_allocator(void **state)
{
	(void)state;
	assemble(LOCAL("malloc") "push %rbx\n ret\n" END("malloc")
			 LOCAL("free") "ret\n" END("free"));
	assert_int_equal(count, 0);
	assert_int_equal(refused, 0);
}

static void functions_that_a_module_only_imports_are_skipped(void **state)
{
	(void)state;
	find("/proc/self/exe");
	for (uint32_t i = 0; i < count; i++)
		assert_string_not_equal(functions_row(sites[i].function)->symbol, "posix_memalign");
}

struct expected {
	const char *symbol;
	int64_t moved;
};

static void check(const struct expected *expected, size_t expected_count)
{
	for (size_t i = 0; i < expected_count; i++) {
		const struct probe_site *site = site_named(expected[i].symbol);
		print_message("%s +%ld %s\n", expected[i].symbol, moved(site), site->instruction);
		assert_int_equal(site->is_emulated, 1);
		assert_int_equal(moved(site), expected[i].moved);
	}
}

static void glibc_of_debian_12_has_the_known_sites(void **state)
{
	static const struct expected EXPECTED[] = {
		{ "malloc", 0 },  { "free", 9 },	   { "calloc", 0 },
		{ "realloc", 0 }, { "posix_memalign", 7 }, { "memalign", 7 },
	};

	(void)state;
	find(LIBC);
	/* another libc has other sites */
	if (site_named("malloc")->entry_offset != 0x98930)
		skip();
	check(EXPECTED, sizeof(EXPECTED) / sizeof(EXPECTED[0]));
	assert_int_equal(site_named("free")->skips_null, 1);
}

static void jemalloc_of_debian_12_has_the_known_sites(void **state)
{
	static const struct expected EXPECTED[] = {
		{ "malloc", 7 },  { "free", 0x30 },	   { "calloc", 0 },
		{ "realloc", 0 }, { "posix_memalign", 0 }, { "mallocx", 0 },
	};

	(void)state;
	find(JEMALLOC);
	if (site_named("malloc")->entry_offset != 0x23910)
		skip();
	check(EXPECTED, sizeof(EXPECTED) / sizeof(EXPECTED[0]));
}

/* The last tests: rows stay. */
static void what_the_person_names_may_be_local_and_wins(void **state)
{
	const struct user_function get = { .symbol = "pool_get",
					   .kind = CALL_ALLOC,
					   .size = 1,
					   .count = -1,
					   .alignment = -1,
					   .pointer = -1 };
	struct user_function elsewhere = get;

	(void)state;
	strcpy(elsewhere.symbol, "pool_put");
	elsewhere.kind = 0;
	assert_int_equal(functions_add(&get), 0);
	assert_int_equal(functions_add(&elsewhere), 0);
	assemble(LOCAL("pool_get") ".globl malloc\n.type malloc, @function\nmalloc:\n"
				   " push %rbx\n ret\n" END("pool_get") END("malloc")
					   LOCAL("pool_put") "push %rbx\n ret\n" END("pool_put")
						   BEGIN("free") "push %rbx\n ret\n" END("free"));
	assert_int_equal(moved(site_named("pool_get")), 0);
	assert_int_equal(site_named("pool_get")->function, FUNCTION_COUNT);
	assert_null(site_named("malloc"));
	assert_null(site_named("pool_put"));
	assert_int_equal(count, 2);
}

static void an_offset_that_is_no_code_has_no_site(void **state)
{
	const struct user_function nowhere = { .symbol = "app+0x0",
					       .has_offset = 1,
					       .kind = CALL_ALLOC,
					       .count = -1,
					       .alignment = -1,
					       .pointer = -1 };

	(void)state;
	assert_int_equal(functions_add(&nowhere), 0);
	assemble(BEGIN("malloc") "push %rbx\n ret\n" END("malloc"));
	assert_null(site_named("app+0x0"));
	assert_int_equal(count, 1);
	assert_int_equal(refused, 1);
}

/* Whoever is probed in the middle of an instruction does something else. */
static void a_name_inside_an_instruction_is_refused(void **state)
{
	static const char *const FRAMES[][2] = { { ".cfi_startproc\n", ".cfi_endproc\n" },
						 { "", "" } };
	char source[512];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		/* with call frame information, and without, where the size of the function around
		 * it tells */
		snprintf(
			source, sizeof(source),
			BEGIN("work") "%smovabs $0x1122334455667788,%%rax\n ret\n%s" END("work") ".globl malloc\n.type malloc, @function\n.set malloc, work + 4\n" BEGIN(
				"free") "push %%rbx\n ret\n" END("free"),
			FRAMES[i][0], FRAMES[i][1]);
		assemble(source);
		assert_null(site_named("malloc"));
		assert_non_null(site_named("free"));
		assert_int_equal(refused, 1);
	}
	/* what is no instruction at all */
	assemble(BEGIN("malloc") ".byte 0x06, 0x06\n" END("malloc"));
	assert_null(site_named("malloc"));
}

/* A return probe takes what is on top of the stack for the return address, and changes it. */
static void a_name_where_the_return_address_is_not_on_top_is_refused(void **state)
{
	(void)state;
	assemble(BEGIN(
		"work") ".cfi_startproc\n push %rbx\n.cfi_def_cfa_offset 16\n"
			".globl malloc\n.type malloc, @function\nmalloc: mov %rdi,%rbx\n"
			" pop %rbx\n.cfi_def_cfa_offset 8\n"
			".globl calloc\n.type calloc, @function\ncalloc: mov %rdi,%rax\n ret\n.cfi_endproc\n" END(
				"work"));
	assert_null(site_named("malloc"));
	assert_non_null(site_named("calloc"));
	assert_int_equal(refused, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_inside_an_instruction_is_refused),
		cmocka_unit_test(a_name_where_the_return_address_is_not_on_top_is_refused),
		cmocka_unit_test(an_emulated_entry_is_the_site),
		cmocka_unit_test(endbr_is_passed),
		cmocka_unit_test(a_conditional_branch_may_carry_the_probe),
		cmocka_unit_test(free_is_probed_behind_its_null_check),
		cmocka_unit_test(malloc_is_not_probed_behind_a_zero_check),
		cmocka_unit_test(no_other_check_is_passed),
		cmocka_unit_test(without_code_behind_the_null_check_the_check_is_the_site),
		cmocka_unit_test(a_place_that_others_jump_to_is_no_site),
		cmocka_unit_test(the_stack_pointer_is_as_at_the_entry_where_a_return_is_wanted),
		cmocka_unit_test(a_moved_stack_pointer_is_recorded_for_free),
		cmocka_unit_test(arguments_are_followed_through_copies),
		cmocka_unit_test(a_lost_argument_makes_the_entry_the_site),
		cmocka_unit_test(prefixes_are_not_emulated),
		cmocka_unit_test(names_of_one_address_are_one_site),
		cmocka_unit_test(ifuncs_are_refused),
		cmocka_unit_test(what_is_hidden_beside_a_global_free_has_a_site),
		cmocka_unit_test(local_functions_alone_are_no_allocator),
		cmocka_unit_test(functions_that_a_module_only_imports_are_skipped),
		cmocka_unit_test(glibc_of_debian_12_has_the_known_sites),
		cmocka_unit_test(jemalloc_of_debian_12_has_the_known_sites),
		cmocka_unit_test(what_the_person_names_may_be_local_and_wins),
		cmocka_unit_test(an_offset_that_is_no_code_has_no_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
