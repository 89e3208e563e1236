// SPDX-License-Identifier: GPL-2.0-or-later
/* Modules as Fedora's rpmbuild makes them: stripped, their static symbols compressed inside. */
#include "symbols/minidebug.h"
#include "symbols/nearest.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/heaptrail-minidebug-XXXXXX";

static const char BUILD[] =
	"cd %s && "
	"echo 'static __attribute__((noinline)) int hidden(int n) { return n * 3; }"
	" int shown(int n) { return hidden(n) + 1; }' >source.c && "
	"gcc -O2 -shared -fPIC -fno-ipa-cp -fno-inline source.c -o whole.so && "
	"objcopy -S --keep-symbol=hidden whole.so mini && "
	"objcopy --only-keep-debug mini mini.debug && "
	"xz -c mini.debug >mini.xz && "
	"strip whole.so -o stripped.so && "
	"objcopy --add-section .gnu_debugdata=mini.xz stripped.so module.so && "
	/* a quarter of a gigabyte of nothing */
	"head -c 268435456 /dev/zero | xz -1 >bomb.xz && "
	"objcopy --add-section .gnu_debugdata=bomb.xz stripped.so bomb.so && "
	"head -c 100 mini.xz >cut.xz && "
	"objcopy --add-section .gnu_debugdata=cut.xz stripped.so cut.so && "
	"echo no elf | xz >text.xz && "
	"objcopy --add-section .gnu_debugdata=text.xz stripped.so text.so";

static int set_up(void **state)
{
	char command[sizeof(BUILD) + sizeof(directory)];

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(command, sizeof(command), BUILD, directory);
	return system(command);
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static struct elf *open_file(const char *name)
{
	struct elf *elf = NULL;
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_RDONLY);
	assert_int_equal(elf_open(fd, &elf), 0);
	close(fd);
	return elf;
}

static void find_hidden(const struct elf_symbol *symbol, void *context)
{
	if (strcmp(symbol->name, "hidden") == 0)
		*(uint64_t *)context = symbol->address;
}

/* Where the static function is, which the whole file still says. */
static uint64_t address_of_hidden(void)
{
	struct elf *whole = open_file("whole.so");
	uint64_t address = 0;

	elf_each_function(whole, find_hidden, &address);
	elf_close(whole);
	assert_true(address);
	return address;
}

static const char *name_at(const char *file, uint64_t address)
{
	static char name[64];
	struct elf *elf = open_file(file);
	struct nearest *nearest = NULL;

	assert_int_equal(nearest_new(elf, NULL, &nearest), 0);
	const char *found = nearest_find(nearest, address);
	snprintf(name, sizeof(name), "%s", found ? found : "");
	nearest_free(nearest);
	elf_close(elf);
	return name;
}

static void static_functions_have_names(void **state)
{
	(void)state;
	assert_string_equal(name_at("whole.so", address_of_hidden()), "hidden");
	assert_string_not_equal(name_at("stripped.so", address_of_hidden()), "hidden");
	assert_string_equal(name_at("module.so", address_of_hidden()), "hidden");
}

static int open_mini(const char *file)
{
	struct elf *elf = open_file(file), *mini = NULL;
	int err = minidebug_open(elf, &mini);

	elf_close(mini);
	elf_close(elf);
	return err;
}

static void what_is_no_minidebuginfo_is_refused(void **state)
{
	(void)state;
	assert_int_equal(open_mini("module.so"), 0);
	assert_int_equal(open_mini("stripped.so"), -ENODATA);
	assert_int_equal(open_mini("bomb.so"), -EBADMSG);
	assert_int_equal(open_mini("cut.so"), -EBADMSG);
	assert_int_equal(open_mini("text.so"), -ENOEXEC);
}

static void a_bomb_costs_only_the_names_inside(void **state)
{
	(void)state;
	assert_string_not_equal(name_at("bomb.so", address_of_hidden()), "hidden");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(static_functions_have_names),
		cmocka_unit_test(what_is_no_minidebuginfo_is_refused),
		cmocka_unit_test(a_bomb_costs_only_the_names_inside),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
