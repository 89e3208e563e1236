// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/maps.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

static int parse(const char *text, struct maps *maps)
{
	return maps_parse(text, strlen(text), maps);
}

static const char TEXT[] =
	"55d000000000-55d000001000 r--p 00000000 fe:01 12345                      /bin/a b\n"
	"55d000001000-55d000003000 r-xp 00001000 fe:01 12345                      /bin/a b\n"
	"55d000010000-55d000020000 rw-p 00000000 00:00 0                          [heap]\n"
	"7f0000000000-7f0000002000 rwxp 00000000 00:00 0 \n"
	"7f0000002000-7f0000004000 r-xp 00025000 103:1a 99 /tmp/x\\012y (deleted)\n"
	"7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0                          [vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static void executable_mappings_of_files_are_kept(void **state)
{
	struct maps maps;

	(void)state;
	assert_int_equal(parse(TEXT, &maps), 0);
	assert_int_equal(maps.count, 2);
	assert_int_equal(maps.items[0].start, 0x55d000001000);
	assert_int_equal(maps.items[0].end, 0x55d000003000);
	assert_int_equal(maps.items[0].file_offset, 0x1000);
	assert_int_equal(maps.items[0].device, makedev(0xfe, 1));
	assert_int_equal(maps.items[0].inode, 12345);
	assert_int_equal(maps.items[0].module, 0);
	assert_string_equal(maps.items[0].path, "/bin/a b");
	assert_int_equal(maps.items[1].device, makedev(0x103, 0x1a));
	assert_string_equal(maps.items[1].path, "/tmp/x\\012y (deleted)");
	maps_free(&maps);
	assert_null(maps.items);
	maps_free(&maps);
}

static void addresses_are_found_from_start_to_before_end(void **state)
{
	struct maps maps;

	(void)state;
	assert_int_equal(parse(TEXT, &maps), 0);
	assert_null(maps_find(&maps, 0));
	assert_null(maps_find(&maps, 0x55d000000fff));
	assert_ptr_equal(maps_find(&maps, 0x55d000001000), &maps.items[0]);
	assert_ptr_equal(maps_find(&maps, 0x55d000002fff), &maps.items[0]);
	assert_null(maps_find(&maps, 0x55d000003000));
	assert_ptr_equal(maps_find(&maps, 0x7f0000003fff), &maps.items[1]);
	assert_null(maps_find(&maps, UINT64_MAX));
	maps_free(&maps);
	assert_null(maps_find(&maps, 0x55d000001000));
}

static void our_own_mappings_hold_our_own_code(void **state)
{
	struct maps maps;
	char *text;
	size_t size;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(io_read_all(fd, 1 << 24, &text, &size), 0);
	close(fd);
	assert_int_equal(maps_parse(text, size, &maps), 0);
	struct mapping *mapping = maps_find(&maps, (uint64_t)(uintptr_t)maps_parse);
	assert_non_null(mapping);
	assert_non_null(strstr(mapping->path, "maps"));
	maps_free(&maps);
	free(text);
}

static void nothing_is_no_mappings(void **state)
{
	struct maps maps;

	(void)state;
	assert_int_equal(parse("", &maps), 0);
	assert_int_equal(maps.count, 0);
	maps_free(&maps);
	assert_int_equal(parse("\n\n", &maps), 0);
	maps_free(&maps);
}

static void what_the_kernel_does_not_write_is_refused(void **state)
{
	static const char *const BAD[] = {
		"x",
		"1000-2000",
		"1000-2000 r-xp 0 8:1",
		"2000-1000 r-xp 0 8:1 5 /a",
		"1000-1000 r-xp 0 8:1 5 /a",
		/* overlapping, and out of order */
		"1000-3000 r-xp 0 8:1 5 /a\n2000-4000 r-xp 0 8:1 5 /a",
		"5000-6000 r-xp 0 8:1 5 /a\n1000-2000 r-xp 0 8:1 5 /a",
		"1000-2000 r-xp 0 8:1 5 /a\nx",
	};
	struct maps maps;

	(void)state;
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		assert_int_equal(parse(BAD[i], &maps), -EBADMSG);
		assert_null(maps.items);
	}
}

static void too_many_mappings_are_refused(void **state)
{
	size_t size = (size_t)(MAPS_MAX + 1) * 64, used = 0, most = 0;
	char *text = malloc(size);
	struct maps maps;

	(void)state;
	for (uint64_t i = 0; i <= MAPS_MAX; i++) {
		most = i == MAPS_MAX ? used : 0;
		used += (size_t)snprintf(text + used, size - used, "%lx-%lx r-xp 0 8:1 5 /a\n",
					 (unsigned long)(i << 12), (unsigned long)((i + 1) << 12));
	}
	assert_int_equal(maps_parse(text, used, &maps), -EFBIG);
	assert_int_equal(maps_parse(text, most, &maps), 0);
	assert_int_equal(maps.count, MAPS_MAX);
	assert_ptr_equal(maps_find(&maps, 0x1234567), &maps.items[0x1234]);
	maps_free(&maps);
	free(text);
}

static void changed_text_is_survived(void **state)
{
	char text[sizeof(TEXT)];
	struct maps maps;

	(void)state;
	for (size_t size = 0; size < sizeof(TEXT); size++) {
		char *exact = malloc(size ? size : 1);
		memcpy(exact, TEXT, size);
		if (maps_parse(exact, size, &maps) == 0)
			maps_free(&maps);
		free(exact);
	}
	for (size_t i = 0; i + 1 < sizeof(TEXT); i++)
		for (int value = 0; value < 256; value++) {
			memcpy(text, TEXT, sizeof(TEXT));
			text[i] = (char)value;
			if (maps_parse(text, sizeof(TEXT) - 1, &maps))
				continue;
			for (size_t k = 0; k < maps.count; k++) {
				assert_true(maps.items[k].start < maps.items[k].end);
				assert_true(!k || maps.items[k - 1].end <= maps.items[k].start);
			}
			maps_free(&maps);
		}
}

static void put(struct maps *maps, uint64_t start, uint64_t end, uint64_t inode)
{
	struct mapping mapping = { .start = start,
				   .end = end,
				   .file_offset = 0x10000,
				   .inode = inode,
				   .path = strdup("/new") };

	assert_int_equal(maps_put(maps, &mapping), 0);
}

/* Whatever is put where: the copy answers for each page as one that remembers pages does. */
static void a_new_mapping_replaces_what_was_there(void **state)
{
	uint64_t inodes[64] = { 0 }, offsets[64] = { 0 };
	struct maps maps = { 0 };

	(void)state;
	srand(1);
	for (int i = 0; i < 5000; i++) {
		uint64_t first = (uint64_t)rand() % 64, count = 1 + (uint64_t)rand() % 16;
		uint64_t inode = (uint64_t)rand() % 4;
		if (first + count > 64)
			count = 64 - first;
		put(&maps, first << 12, (first + count) << 12, inode);
		for (uint64_t page = first; page < first + count; page++) {
			inodes[page] = inode;
			offsets[page] = 0x10000 + ((page - first) << 12);
		}
		for (uint64_t page = 0; page < 64; page++) {
			const struct mapping *found = maps_find(&maps, page << 12);
			assert_int_equal(found ? found->inode : 0, inodes[page]);
			if (found)
				assert_int_equal((page << 12) - found->start + found->file_offset,
						 offsets[page]);
		}
	}
	maps_free(&maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(executable_mappings_of_files_are_kept),
		cmocka_unit_test(addresses_are_found_from_start_to_before_end),
		cmocka_unit_test(our_own_mappings_hold_our_own_code),
		cmocka_unit_test(nothing_is_no_mappings),
		cmocka_unit_test(what_the_kernel_does_not_write_is_refused),
		cmocka_unit_test(too_many_mappings_are_refused),
		cmocka_unit_test(changed_text_is_survived),
		cmocka_unit_test(a_new_mapping_replaces_what_was_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
