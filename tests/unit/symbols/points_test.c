// SPDX-License-Identifier: GPL-2.0-or-later
/* Static probe points of this very program, as the compiler has put them, and what becomes of them
 * when their notes are changed. */
#include "symbols/points.h"

#include "base/functions.h"
#include "bpf/settings.h"
#include "include/heaptrail.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sdt.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

__attribute__((noipa)) static void points(void *address, size_t size, size_t weight, unsigned small)
{
	size_t memory[2] = { size, weight };

	__asm__ volatile("" : : "r"(memory) : "memory");
	STAP_PROBE3(otel_memory, alloc, address, size, weight);
	STAP_PROBE3(otel_memory, alloc, address, memory[0], memory[1]);
	STAP_PROBE3(otel_memory, alloc, address, (size_t)1, (size_t)4711);
	STAP_PROBE3(otel_memory, alloc, address, size, small);
	STAP_PROBE1(otel_memory, free, address);
	/* others' */
	STAP_PROBE1(otel_memory, flush, address);
	STAP_PROBE1(other, free, address);
	STAP_PROBE1(heaptrail, other, address);
}

__attribute__((noipa)) static void marks(const char *name)
{
	HEAPTRAIL_MARK("moment");
	HEAPTRAIL_TAG_BEGIN(name);
	HEAPTRAIL_TAG_BEGIN("a/b");
	HEAPTRAIL_TAG_END();
	HEAPTRAIL_TAG_END();
}

static uint8_t *file;
static size_t file_size;

static int read_file(void **state)
{
	struct stat st;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0 || fstat(fd, &st))
		return -1;
	file_size = (size_t)st.st_size;
	file = mmap(NULL, file_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return file == MAP_FAILED ? -1 : 0;
}

static struct elf *take_copy(void)
{
	struct elf *elf = NULL;
	uint8_t *copy = mmap(NULL, file_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);

	assert_true(copy != MAP_FAILED);
	memcpy(copy, file, file_size);
	assert_int_equal(elf_take(copy, file_size, &elf), 0);
	return elf;
}

static void points_are_found_with_their_arguments(void **state)
{
	static struct probe_site sites[MODULE_SITES_MAX];
	uint32_t count = 0, refused = 0, refused_marks = 0, allocs = 0, frees = 0, memory = 0,
		 constants = 0, small = 0, of_marks[3] = { 0 };
	struct elf *elf = take_copy();

	(void)state;
	points(NULL, 1, 2, 3);
	marks("text");
	points_find(elf, sites, &count, &refused, &refused_marks);
	assert_int_equal(refused, 0);
	assert_int_equal(refused_marks, 0);
	assert_int_equal(count, 10);
	for (uint32_t i = 0; i < count; i++) {
		const struct probe_site *site = &sites[i];
		uint8_t kind = functions_row(site->function)->kind;
		bool is_alloc = kind == CALL_POINT_ALLOC;
		size_t size;
		uint64_t address;
		assert_true(elf_address_of(elf, site->offset, &address));
		assert_int_equal(*elf_code(elf, address, &size), 0x90);
		assert_true(site->is_emulated);
		if (CALL_IS_MARK(kind)) {
			of_marks[kind - CALL_MARK]++;
			assert_int_equal(site->argument[0] >= 0, kind != CALL_TAG_END);
			assert_int_equal(site->argument_bytes[0], kind != CALL_TAG_END ? 8 : 0);
			continue;
		}
		assert_true(site->argument[0] >= 0);
		assert_int_equal(site->argument_bytes[0], 8);
		allocs += is_alloc;
		frees += !is_alloc;
		memory += site->in_memory != 0;
		constants += is_alloc && site->argument[2] < 0 && site->displacement[2] == 4711;
		small += is_alloc && site->argument_bytes[2] == 4;
	}
	assert_int_equal(allocs, 4);
	assert_int_equal(frees, 1);
	assert_true(memory >= 1);
	assert_int_equal(constants, 1);
	assert_int_equal(small, 1);
	assert_int_equal(of_marks[0], 1);
	assert_int_equal(of_marks[1], 2);
	assert_int_equal(of_marks[2], 2);
	elf_close(elf);
}

/* Every byte of the notes, one after the other: whatever is found can be read and probed. */
static void changed_notes_are_survived(void **state)
{
	static const uint8_t VALUES[] = { 0, 1, 0x7f, 0xff, '%', '(', '9' };
	static struct probe_site sites[MODULE_SITES_MAX];
	struct elf *elf = take_copy();
	size_t size, changed = 0;
	uint64_t address;
	uint8_t *notes = (uint8_t *)elf_section(elf, ".note.stapsdt", &address, &size);

	(void)state;
	assert_non_null(notes);
	for (size_t i = 0; i < size; i++) {
		uint8_t before = notes[i];
		for (size_t k = 0; k < sizeof(VALUES); k++) {
			uint32_t count = 0, refused = 0;
			notes[i] = VALUES[k];
			points_find(elf, sites, &count, &refused, &refused);
			assert_true(count <= 14);
			changed += count != 10 || refused;
			for (uint32_t s = 0; s < count; s++) {
				assert_true(CALL_IS_POINT(functions_row(sites[s].function)->kind));
				assert_true(sites[s].offset < file_size);
				for (int a = 0; a < 6; a++)
					assert_in_range(sites[s].argument[a] + 1, 0, 16);
			}
		}
		notes[i] = before;
	}
	assert_true(changed > size);
	elf_close(elf);
}

/* Linkers leave the notes of code that they leave out, which is nowhere then. */
static void a_point_that_was_left_out_is_none(void **state)
{
	static struct probe_site sites[MODULE_SITES_MAX];
	uint32_t count = 0, refused = 0;
	struct elf *elf = take_copy();
	size_t size;
	uint64_t address;
	uint8_t *notes = (uint8_t *)elf_section(elf, ".note.stapsdt", &address, &size);

	(void)state;
	/* the first note's: behind three numbers and its name */
	memset(notes + 12 + 8, 0, 8);
	points_find(elf, sites, &count, &refused, &refused);
	assert_int_equal(count, 9);
	assert_int_equal(refused, 0);
	elf_close(elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_are_found_with_their_arguments),
		cmocka_unit_test(changed_notes_are_survived),
		cmocka_unit_test(a_point_that_was_left_out_is_none),
	};

	return cmocka_run_group_tests(tests, read_file, NULL);
}
