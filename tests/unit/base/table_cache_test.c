// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/table_cache.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], file[128];
static const struct stat COMPILER = { .st_ino = 7, .st_size = 100 };

static int begin(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/heaptrail-cache-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(file, sizeof(file), "%s/tables", directory);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(file);
	return rmdir(directory);
}

static struct table_cache *open_cache(void)
{
	struct table_cache *cache = NULL;
	int fd = table_cache_prepare(directory, &COMPILER);

	assert_true(fd >= 0);
	assert_int_equal(table_cache_open(fd, &cache), 0);
	return cache;
}

/* A file that was changed long ago. */
static struct stat module(ino_t inode)
{
	return (struct stat) { .st_dev = 3,
			       .st_ino = inode,
			       .st_size = 4096,
			       .st_mtim = { 1000, 5 },
			       .st_ctim = { 1001, 6 } };
}

static void fill(uint8_t *bytes, size_t size, ino_t inode)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 31 + inode);
}

/* -1: not there; else it must be what was put. */
static int get(const struct table_cache *cache, uint32_t kind, ino_t inode, size_t size)
{
	struct stat st = module(inode);
	uint8_t wanted[5000];
	void *bytes = NULL;
	size_t found = 0;
	int err = table_cache_get(cache, kind, &st, &bytes, &found);

	if (err)
		return err;
	fill(wanted, size, inode);
	assert_int_equal(found, size);
	assert_memory_equal(bytes, wanted, size);
	free(bytes);
	return 0;
}

static void put(struct table_cache *cache, uint32_t kind, ino_t inode, size_t size)
{
	struct stat st = module(inode);
	uint8_t bytes[5000];

	fill(bytes, size, inode);
	assert_int_equal(table_cache_put(cache, kind, &st, bytes, size), 0);
}

static void what_was_put_is_there_in_the_next_recording(void **state)
{
	struct table_cache *cache = open_cache();

	(void)state;
	for (ino_t i = 1; i <= 100; i++)
		put(cache, 1, i, i * 47);
	put(cache, 2, 5, 11);
	assert_int_equal(get(cache, 1, 5, 5 * 47), 0);
	table_cache_close(cache);
	cache = open_cache();
	for (ino_t i = 1; i <= 100; i++)
		assert_int_equal(get(cache, 1, i, i * 47), 0);
	assert_int_equal(get(cache, 2, 5, 11), 0);
	assert_int_equal(get(cache, 2, 6, 11), -ENOENT);
	table_cache_close(cache);
}

static void a_file_that_changed_is_another_one(void **state)
{
	struct table_cache *cache = open_cache();
	struct stat changed[5];
	struct timespec now;
	void *bytes;
	size_t size;

	(void)state;
	put(cache, 1, 9, 10);
	for (size_t i = 0; i < 5; i++)
		changed[i] = module(9);
	changed[0].st_size++;
	changed[1].st_mtim.tv_nsec++;
	changed[2].st_ctim.tv_nsec++;
	changed[3].st_dev++;
	changed[4].st_ino++;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(table_cache_get(cache, 1, &changed[i], &bytes, &size), -ENOENT);
	/* what may yet be changed within a tick of its clock is not kept */
	clock_gettime(CLOCK_REALTIME, &now);
	changed[0].st_ctim = now;
	assert_int_equal(table_cache_put(cache, 1, &changed[0], "x", 1), -EAGAIN);
	table_cache_close(cache);
}

static void another_compiler_begins_anew(void **state)
{
	const struct stat other = { .st_ino = 7, .st_size = 101 };
	struct table_cache *cache = open_cache();

	(void)state;
	put(cache, 1, 9, 10);
	table_cache_close(cache);
	assert_int_equal(table_cache_open(table_cache_prepare(directory, &other), &cache), 0);
	assert_int_equal(get(cache, 1, 9, 10), -ENOENT);
	table_cache_close(cache);
}

static void one_recorder_has_it_at_a_time(void **state)
{
	struct table_cache *cache = open_cache();

	(void)state;
	assert_int_equal(table_cache_prepare(directory, &COMPILER), -EWOULDBLOCK);
	table_cache_close(cache);
	table_cache_close(open_cache());
}

static void what_others_can_write_is_refused(void **state)
{
	char link_name[128];

	(void)state;
	table_cache_close(open_cache());
	assert_int_equal(chmod(file, 0620), 0);
	assert_int_equal(table_cache_prepare(directory, &COMPILER), -EPERM);
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(chmod(directory, 0702), 0);
	assert_int_equal(table_cache_prepare(directory, &COMPILER), -EPERM);
	assert_int_equal(chmod(directory, 0700), 0);
	/* a second name could be anywhere */
	snprintf(link_name, sizeof(link_name), "%s/other", directory);
	assert_int_equal(link(file, link_name), 0);
	assert_int_equal(table_cache_prepare(directory, &COMPILER), -EPERM);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(symlink(link_name, file), 0);
	assert_int_equal(table_cache_prepare(directory, &COMPILER), -ELOOP);
	assert_int_equal(unlink(link_name), 0);
}

/* A recorder that is killed while it writes: every length of the file is survived. */
static void a_torn_file_holds_what_is_whole(void **state)
{
	struct table_cache *cache = open_cache();
	static uint8_t all[4096];
	struct stat st;

	(void)state;
	for (ino_t i = 1; i <= 5; i++)
		put(cache, 1, i, 100);
	table_cache_close(cache);
	int fd = open(file, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	size_t size = (size_t)st.st_size, whole = 0;
	assert_true(size < sizeof(all));
	assert_int_equal(io_pread(fd, all, size, 0), 0);
	for (size_t cut = size; cut > 0; cut--) {
		size_t there = 0;
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(io_pwrite(fd, all, cut, 0), 0);
		cache = open_cache();
		for (ino_t i = 1; i <= 5; i++)
			there += get(cache, 1, i, 100) == 0;
		assert_true(cut == size ? there == 5 : there <= whole);
		whole = there;
		put(cache, 1, 77, 200);
		assert_int_equal(get(cache, 1, 77, 200), 0);
		table_cache_close(cache);
	}
	assert_int_equal(whole, 0);
	close(fd);
}

static void a_changed_byte_is_noticed(void **state)
{
	struct table_cache *cache = open_cache();
	static uint8_t all[4096];
	struct stat st;

	(void)state;
	for (ino_t i = 1; i <= 3; i++)
		put(cache, 1, i, 100);
	table_cache_close(cache);
	int fd = open(file, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	size_t size = (size_t)st.st_size;
	assert_int_equal(io_pread(fd, all, size, 0), 0);
	for (size_t at = 0; at < size; at++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		all[at] ^= 0x55;
		assert_int_equal(io_pwrite(fd, all, size, 0), 0);
		all[at] ^= 0x55;
		cache = open_cache();
		/* get() compares what is there */
		for (ino_t i = 1; i <= 3; i++)
			(void)get(cache, 1, i, 100);
		table_cache_close(cache);
	}
	close(fd);
}

static void a_full_cache_begins_anew(void **state)
{
	struct table_cache *cache = open_cache();
	struct stat st = module(1), now;
	size_t size = TABLE_CACHE_BYTES_MAX / 4;
	void *bytes = calloc(1, size), *found = NULL;

	(void)state;
	for (ino_t i = 1; i <= 10; i++) {
		st.st_ino = i;
		assert_int_equal(table_cache_put(cache, 1, &st, bytes, size), 0);
		assert_int_equal(stat(file, &now), 0);
		assert_true(now.st_size <= TABLE_CACHE_BYTES_MAX);
	}
	size_t found_size;
	assert_int_equal(table_cache_get(cache, 1, &st, &found, &found_size), 0);
	assert_int_equal(found_size, size);
	free(found);
	assert_int_equal(table_cache_put(cache, 1, &st, bytes, size + 1), -EFBIG);
	free(bytes);
	table_cache_close(cache);
}

#define IN_A_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_DIRECTORY(what_was_put_is_there_in_the_next_recording),
		IN_A_DIRECTORY(a_file_that_changed_is_another_one),
		IN_A_DIRECTORY(another_compiler_begins_anew),
		IN_A_DIRECTORY(one_recorder_has_it_at_a_time),
		IN_A_DIRECTORY(what_others_can_write_is_refused),
		IN_A_DIRECTORY(a_torn_file_holds_what_is_whole),
		IN_A_DIRECTORY(a_changed_byte_is_noticed),
		IN_A_DIRECTORY(a_full_cache_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
