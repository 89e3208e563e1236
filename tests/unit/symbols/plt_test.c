// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of stubs, against what objdump calls them. */
#include "symbols/nearest.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char SOURCE[] =
	"#include <stdlib.h>\\n#include <string.h>\\n#include <stdio.h>\\n"
	"void *(*volatile chosen)(size_t) = malloc;\\n"
	"int main(int argc, char **argv)\\n"
	"{ void *(*got)(size_t, size_t) = calloc; free(chosen(argc)); puts(argv[0]);\\n"
	"return (got != 0) + (calloc(1, argc) != 0) + (strchr(argv[0], argc) != 0); }\\n";

static char path[64];

static void compile(const char *options)
{
	char command[512];

	strcpy(path, "/tmp/heaptrail-plt-XXXXXX");
	close(mkstemp(path));
	snprintf(command, sizeof(command), "printf '%%b' '%s' | gcc -O2 -x c %s - -o %s", SOURCE,
		 options, path);
	assert_int_equal(system(command), 0);
}

/* Every stub that objdump names has that name, from its first byte to its last. */
static size_t compare_with_objdump(const struct nearest *nearest)
{
	char command[256], line[512], name[256];
	uint64_t address = 0;
	size_t count = 0;

	snprintf(command, sizeof(command), "objdump -d -j .plt -j .plt.got -j .plt.sec %s 2>&1",
		 path);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe)) {
		/* 0000000000001050 <puts@plt>: */
		if (sscanf(line, "%lx <%255[^>]>:", &address, name) != 2 || !strstr(name, "@plt") ||
		    strchr(name, '-') || strchr(name, '+'))
			continue;
		assert_non_null(nearest_find(nearest, address));
		assert_string_equal(nearest_find(nearest, address), name);
		assert_string_equal(nearest_find(nearest, address + 7), name);
		count++;
	}
	pclose(pipe);
	return count;
}

static void open_module(struct elf **elf, struct nearest **nearest)
{
	int fd = open(path, O_RDONLY);

	assert_int_equal(elf_open(fd, elf), 0);
	close(fd);
	assert_int_equal(nearest_new(*elf, NULL, nearest), 0);
}

static void check(const char *options, size_t wanted)
{
	struct elf *elf = NULL;
	struct nearest *nearest = NULL;

	compile(options);
	open_module(&elf, &nearest);
	assert_true(compare_with_objdump(nearest) >= wanted);
	nearest_free(nearest);
	elf_close(elf);
	unlink(path);
}

static void lazy_stubs_are_named(void **state)
{
	(void)state;
	check("-Wl,-z,lazy", 3);
}

static void stubs_without_a_symbol_table_are_named(void **state)
{
	(void)state;
	check("-Wl,-z,lazy -s", 3);
}

static void stubs_of_branch_tracking_are_named(void **state)
{
	(void)state;
	check("-fcf-protection -Wl,-z,ibtplt,-z,lazy", 3);
}

/* calloc is called and its address taken: its slot is in the GOT proper. */
static void stubs_of_the_got_are_named(void **state)
{
	(void)state;
	check("-Wl,-z,now -fno-builtin", 3);
}

/* A statically linked program calls its own indirect functions so. objdump knows only the address
 * of what chooses the function. */
static void stubs_of_indirect_functions_are_named(void **state)
{
	struct elf *elf = NULL;
	struct nearest *nearest = NULL;
	bool is_found = false;
	uint64_t address = 0;
	size_t size = 0;

	(void)state;
	compile("-static");
	open_module(&elf, &nearest);
	assert_non_null(elf_section(elf, ".plt", &address, &size));
	for (uint64_t i = 0; i < size; i += 8) {
		const char *name = nearest_find(nearest, address + i);
		assert_non_null(name);
		is_found |= strstr(name, "strchr") && strstr(name, "@plt");
	}
	assert_true(is_found);
	nearest_free(nearest);
	elf_close(elf);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lazy_stubs_are_named),
		cmocka_unit_test(stubs_without_a_symbol_table_are_named),
		cmocka_unit_test(stubs_of_branch_tracking_are_named),
		cmocka_unit_test(stubs_of_the_got_are_named),
		cmocka_unit_test(stubs_of_indirect_functions_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
