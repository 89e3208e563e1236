// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/nearest.h"

#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct elf *elf;
static struct nearest *nearest;

static void open_module(const char *path)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(elf_open(fd, &elf), 0);
	close(fd);
	assert_int_equal(nearest_new(elf, NULL, &nearest), 0);
}

static void close_module(void)
{
	nearest_free(nearest);
	elf_close(elf);
}

static void assemble(const char *source)
{
	char path[] = "/tmp/heaptrail-nearest-XXXXXX", object[64], command[256];
	int fd = mkstemp(path);

	assert_int_equal(write(fd, source, strlen(source)), strlen(source));
	close(fd);
	snprintf(object, sizeof(object), "%s.so", path);
	snprintf(command, sizeof(command), "gcc -shared -nostdlib -x assembler %s -o %s", path,
		 object);
	assert_int_equal(system(command), 0);
	open_module(object);
	unlink(path);
	unlink(object);
}

static void find_named(const struct elf_symbol *symbol, void *context)
{
	struct elf_symbol *wanted = context;

	if (strcmp(symbol->name, wanted->name) == 0)
		*wanted = *symbol;
}

static struct elf_symbol symbol_named(const char *name)
{
	struct elf_symbol symbol = { .name = name };

	elf_each_function(elf, find_named, &symbol);
	assert_true(symbol.address);
	return symbol;
}

static void last_address(const struct elf_symbol *symbol, void *context)
{
	*(uint64_t *)context = symbol->address;
}

static void an_address_behind_a_function_has_no_name(void **state)
{
	(void)state;
	assemble(".text\n.globl small\n.type small, @function\nsmall: nop\n nop\n"
		 ".size small, . - small\n .skip 64, 0x90\n");
	struct elf_symbol small = symbol_named("small");
	assert_string_equal(nearest_find(nearest, small.address), "small");
	assert_string_equal(nearest_find(nearest, small.address + 1), "small");
	assert_null(nearest_find(nearest, small.address + 2));
	assert_null(nearest_find(nearest, small.address - 1));
	close_module();
}

static void an_unsized_function_ends_with_its_section(void **state)
{
	(void)state;
	assemble(".section .early,\"ax\"\n.globl unsized\n.type unsized, @function\n"
		 "unsized: .skip 32, 0x90\n.section .later,\"ax\"\n.skip 64, 0x90\n");
	struct elf_symbol unsized = symbol_named("unsized");
	assert_string_equal(nearest_find(nearest, unsized.address + 31), "unsized");
	assert_null(nearest_find(nearest, unsized.address + 32));
	close_module();
}

static void a_function_inside_another_does_not_hide_its_rest(void **state)
{
	(void)state;
	assemble(".text\n.globl outer\n.type outer, @function\n.globl inner\n"
		 ".type inner, @function\nouter: nop\ninner: nop\n.size inner, 1\n nop\n"
		 ".size outer, . - outer\n");
	struct elf_symbol outer = symbol_named("outer");
	assert_string_equal(nearest_find(nearest, outer.address + 1), "inner");
	assert_string_equal(nearest_find(nearest, outer.address + 2), "outer");
	close_module();
}

static void many_functions_inside_another_do_not_hide_its_rest(void **state)
{
	(void)state;
	assemble(".text\n.globl outer\n.type outer, @function\nouter: nop\n"
		 ".altmacro\n.macro inner n\n.globl inner\\n\n.type inner\\n, @function\n"
		 "inner\\n: nop\n.size inner\\n, 1\n.endm\n"
		 ".set n, 0\n.rept 40\n.set n, n + 1\n inner %n\n.endr\n nop\n"
		 ".size outer, . - outer\n");
	uint64_t outer = symbol_named("outer").address;
	assert_string_equal(nearest_find(nearest, outer + 40), "inner40");
	assert_string_equal(nearest_find(nearest, outer + 41), "outer");
	assert_null(nearest_find(nearest, outer + 42));
	close_module();
}

static void an_unsized_function_ends_at_the_next_one(void **state)
{
	(void)state;
	assemble(".text\n.globl unsized\n.type unsized, @function\nunsized: nop\n nop\n"
		 ".globl sized\n.type sized, @function\nsized: nop\n.size sized, 1\n nop\n");
	uint64_t unsized = symbol_named("unsized").address;
	assert_string_equal(nearest_find(nearest, unsized + 1), "unsized");
	assert_string_equal(nearest_find(nearest, unsized + 2), "sized");
	assert_null(nearest_find(nearest, unsized + 3));
	close_module();
}

static void a_label_names_code_that_is_in_no_function(void **state)
{
	(void)state;
	assemble(".text\n.globl sized\n.type sized, @function\nsized: nop\n"
		 ".globl inside\ninside: nop\n.size sized, . - sized\n"
		 ".globl untyped\nuntyped: nop\n nop\nlocal_untyped: nop\n"
		 ".data\n.globl no_code\nno_code: .skip 8\n");
	uint64_t sized = symbol_named("sized").address;
	assert_string_equal(nearest_find(nearest, sized + 1), "sized");
	assert_string_equal(nearest_find(nearest, sized + 3), "untyped");
	assert_string_equal(nearest_find(nearest, sized + 4), "local_untyped");
	close_module();
}

/* Each pair is one function under two names. */
static void of_two_names_the_better_one_wins(void **state)
{
	static const struct {
		const char *better, *source;
	} PAIRS[] = {
		{ "global_one", ".globl global_one\na: global_one:" },
		{ "__function", "__function: ab:\n.type __function, @function\n" },
		{ "name_long", ".globl __name\n.weak name_long\n__name: name_long:" },
		{ "name", ".globl name, name_two\nname_two: name:" },
		{ "abb", ".globl abb, abc\nabb: abc:" },
		{ "__sized", "x: __sized:\n.size __sized, 1\n" },
	};
	char source[512];

	(void)state;
	for (size_t i = 0; i < sizeof(PAIRS) / sizeof(*PAIRS); i++) {
		snprintf(source, sizeof(source), ".text\n.skip 64, 0x90\n%s nop\n",
			 PAIRS[i].source);
		assemble(source);
		uint64_t address = 0;
		elf_each_name(elf, last_address, &address);
		assert_string_equal(nearest_find(nearest, address), PAIRS[i].better);
		close_module();
	}
}

static void functions_of_the_vdso_have_names(void **state)
{
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	int fd = memfd_create("vdso", 0);

	(void)state;
	assert_non_null(image);
	const Elf64_Ehdr *header = (const void *)image;
	size_t size = header->e_shoff + header->e_shnum * sizeof(Elf64_Shdr);
	assert_int_equal(write(fd, image, size), size);
	assert_int_equal(elf_open(fd, &elf), 0);
	close(fd);
	assert_int_equal(nearest_new(elf, NULL, &nearest), 0);
	uint64_t address = symbol_named("__vdso_clock_gettime").address;
	assert_string_equal(nearest_find(nearest, address + 1), "clock_gettime");
	close_module();
}

static void the_name_that_people_use_wins(void **state)
{
	(void)state;
	open_module("/lib/x86_64-linux-gnu/libc.so.6");
	assert_string_equal(nearest_find(nearest, symbol_named("malloc").address + 1), "malloc");
	assert_string_equal(nearest_find(nearest, symbol_named("free").address), "free");
	close_module();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_behind_a_function_has_no_name),
		cmocka_unit_test(an_unsized_function_ends_with_its_section),
		cmocka_unit_test(a_function_inside_another_does_not_hide_its_rest),
		cmocka_unit_test(many_functions_inside_another_do_not_hide_its_rest),
		cmocka_unit_test(an_unsized_function_ends_at_the_next_one),
		cmocka_unit_test(a_label_names_code_that_is_in_no_function),
		cmocka_unit_test(of_two_names_the_better_one_wins),
		cmocka_unit_test(functions_of_the_vdso_have_names),
		cmocka_unit_test(the_name_that_people_use_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
