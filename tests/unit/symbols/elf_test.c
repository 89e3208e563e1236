// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/elf.h"
#include "base/io.h"
#include "symbols/nearest.h"
#include "symbols/sites.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LIBC	  "/lib/x86_64-linux-gnu/libc.so.6"
#define BYTES_MAX (64u << 20)

static char *original; /* a copy of this executable or of a library, to be damaged */
static size_t original_size;

static void load(const char *path)
{
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(io_read_all(fd, BYTES_MAX, &original, &original_size), 0);
	close(fd);
}

static int open_bytes(const void *bytes, size_t size, struct elf **elf)
{
	int fd = memfd_create("elf", 0);

	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, bytes, size), 0);
	int err = elf_open(fd, elf);
	close(fd);
	return err;
}

/* Everything that is done with a module; what comes out is not asked. */
static int use(const void *bytes, size_t size)
{
	static struct probe_site sites[MODULE_SITES_MAX];
	struct elf *elf = NULL;
	struct nearest *nearest = NULL;
	uint8_t id[BUILD_ID_MAX];
	uint32_t count, refused;
	int err = open_bytes(bytes, size, &elf);

	if (err)
		return err;
	elf_build_id(elf, id);
	sites_find(elf, sites, &count, &refused);
	assert_true(count <= MODULE_SITES_MAX);
	assert_int_equal(nearest_new(elf, NULL, &nearest), 0);
	for (uint64_t address = 0; address < size; address += 4096) {
		const char *name = nearest_find(nearest, address);
		assert_true(!name || strlen(name) < 4096 + sizeof("@plt"));
	}
	nearest_free(nearest);
	elf_close(elf);
	return 0;
}

static void find_malloc(const struct elf_symbol *symbol, void *context)
{
	if (strcmp(symbol->name, "malloc") == 0)
		*(uint64_t *)context = symbol->address;
}

static uint64_t malloc_of(const struct elf *elf)
{
	uint64_t address = 0;

	elf_each_function(elf, find_malloc, &address);
	return address;
}

static void malloc_of_libc_is_found(void **state)
{
	struct elf *elf = NULL;
	uint64_t offset, address;
	size_t size;

	(void)state;
	load(LIBC);
	assert_int_equal(open_bytes(original, original_size, &elf), 0);
	assert_int_equal(elf_machine(elf), EM_X86_64);
	assert_true(malloc_of(elf));
	assert_true(elf_offset_of(elf, malloc_of(elf), &offset));
	assert_true(elf_address_of(elf, offset, &address));
	assert_int_equal(address, malloc_of(elf));
	assert_non_null(elf_code(elf, address, &size));
	elf_close(elf);
	free(original);
}

static void symbols_are_found_without_section_headers(void **state)
{
	struct elf *elf = NULL, *stripped = NULL;

	(void)state;
	load(LIBC);
	assert_int_equal(open_bytes(original, original_size, &elf), 0);
	Elf64_Ehdr *header = (Elf64_Ehdr *)original;
	header->e_shoff = 0;
	header->e_shnum = 0;
	assert_int_equal(open_bytes(original, original_size, &stripped), 0);
	assert_true(malloc_of(elf));
	assert_int_equal(malloc_of(stripped), malloc_of(elf));
	elf_close(stripped);
	elf_close(elf);
	free(original);
}

static void build_id_has_twenty_bytes(void **state)
{
	struct elf *elf = NULL;
	uint8_t id[BUILD_ID_MAX];

	(void)state;
	load(LIBC);
	assert_int_equal(open_bytes(original, original_size, &elf), 0);
	assert_int_equal(elf_build_id(elf, id), 20);
	elf_close(elf);
	free(original);
}

static void other_classes_and_machines_are_named(void **state)
{
	uint16_t elf_class, machine;

	(void)state;
	load(LIBC);
	original[EI_CLASS] = ELFCLASS32;
	assert_int_equal(use(original, original_size), -ENOTSUP);
	int fd = memfd_create("elf", 0);
	assert_int_equal(io_write(fd, original, 4096), 0);
	assert_int_equal(elf_identify(fd, &elf_class, &machine), 0);
	assert_int_equal(elf_class, ELFCLASS32);
	close(fd);
	original[EI_CLASS] = ELFCLASS64;
	((Elf64_Ehdr *)original)->e_machine = EM_PPC64;
	assert_int_equal(use(original, original_size), -ENOTSUP);
	free(original);
}

static void what_is_no_elf_is_refused(void **state)
{
	static const char TEXT[4096] = "#!/bin/sh\n";

	(void)state;
	assert_int_equal(use(TEXT, sizeof(TEXT)), -ENOEXEC);
	assert_int_equal(use(TEXT, 1), -ENOEXEC);
	assert_int_equal(use(TEXT, 0), -ENOEXEC);
}

/* Wherever the file ends, nothing beyond its end is read: the sanitizer and the page after it
 * watch. */
static void truncated_files_do_no_harm(void **state)
{
	(void)state;
	load(LIBC);
	for (size_t size = 0; size < 4096; size += 8)
		use(original, size);
	for (size_t size = 4096; size < original_size; size += original_size / 97)
		use(original, size);
	free(original);
}

/* Flips bytes where the structure is: headers, and what the dynamic section leads to. */
static void damaged_files_do_no_harm(void **state)
{
	(void)state;
	load(LIBC);
	srand(1);
	for (int round = 0; round < 2000; round++) {
		size_t places[3];
		char old[3];
		for (int i = 0; i < 3; i++) {
			size_t range = round % 2 ? 1024 : original_size;
			/* the last KiBs are section headers */
			places[i] = round % 4 == 3 ? original_size - 1 - (size_t)rand() % 4096
						   : (size_t)rand() % range;
			old[i] = original[places[i]];
			original[places[i]] = (char)rand();
		}
		use(original, original_size);
		for (int i = 2; i >= 0; i--)
			original[places[i]] = old[i];
	}
	free(original);
}

/* A table may say that its million symbols are all called malloc. */
static void a_million_mallocs_are_a_bounded_number_of_sites(void **state)
{
	enum {
		COUNT = 1 << 20,
		CODE = 4096
	};
	static struct probe_site sites[MODULE_SITES_MAX];
	size_t symbols_at = 4096 + CODE, strings_at = symbols_at + COUNT * sizeof(Elf64_Sym);
	size_t sections_at = strings_at + 16, size = sections_at + 3 * sizeof(Elf64_Shdr);
	char *bytes = calloc(1, size);
	uint32_t count, refused;
	struct elf *elf = NULL;

	(void)state;
	*(Elf64_Ehdr *)bytes = (Elf64_Ehdr) {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shoff = sections_at,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 3,
	};
	*(Elf64_Phdr *)(bytes + sizeof(Elf64_Ehdr)) = (Elf64_Phdr) {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_offset = 4096,
		.p_vaddr = 4096,
		.p_filesz = CODE,
	};
	memset(bytes + 4096, 0x90, CODE);
	memcpy(bytes + strings_at, "\0malloc", 8);
	Elf64_Sym *symbols = (Elf64_Sym *)(bytes + symbols_at);
	for (size_t i = 0; i < COUNT; i++)
		symbols[i] = (Elf64_Sym) { .st_name = 1,
					   .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
					   .st_shndx = 1,
					   .st_value = 4096 + i % CODE };
	Elf64_Shdr *sections = (Elf64_Shdr *)(bytes + sections_at);
	sections[1] = (Elf64_Shdr) { .sh_type = SHT_SYMTAB,
				     .sh_offset = symbols_at,
				     .sh_size = COUNT * sizeof(Elf64_Sym),
				     .sh_link = 2 };
	sections[2] = (Elf64_Shdr) { .sh_offset = strings_at, .sh_size = 16 };
	assert_int_equal(open_bytes(bytes, size, &elf), 0);
	sites_find(elf, sites, &count, &refused);
	/* each would have to be compared with all the others */
	assert_in_range(count, 1, MODULE_SITES_MAX);
	assert_true(refused >= CODE - count);
	elf_close(elf);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malloc_of_libc_is_found),
		cmocka_unit_test(symbols_are_found_without_section_headers),
		cmocka_unit_test(build_id_has_twenty_bytes),
		cmocka_unit_test(other_classes_and_machines_are_named),
		cmocka_unit_test(what_is_no_elf_is_refused),
		cmocka_unit_test(truncated_files_do_no_harm),
		cmocka_unit_test(damaged_files_do_no_harm),
		cmocka_unit_test(a_million_mallocs_are_a_bounded_number_of_sites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
