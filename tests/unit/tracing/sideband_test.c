// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/sideband.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

static struct sideband_news mapping;

static void put(uint8_t *record, size_t at, uint64_t value, size_t size)
{
	memcpy(record + at, &value, size);
}

/* perf_event_open(2), PERF_RECORD_MMAP2; returns its size. */
static size_t build(uint8_t record[128])
{
	memset(record, 0, 128);
	put(record, 0, PERF_RECORD_MMAP2, 4);
	put(record, 6, 80, 2);
	put(record, 8, 77, 4);
	put(record, 16, 0x7f0000001000, 8);
	put(record, 24, 0x2000, 8);
	put(record, 32, 0x5000, 8);
	put(record, 40, 0xfe, 4);
	put(record, 44, 1, 4);
	put(record, 48, 4711, 8);
	memcpy(record + 72, "/lib/x", 7);
	return 80;
}

static void a_mapping_of_a_file_is_told(void **state)
{
	uint8_t record[128];

	(void)state;
	assert_int_equal(sideband_decode(record, build(record), &mapping), 1);
	assert_int_equal(mapping.pid, 77);
	assert_int_equal(mapping.start, 0x7f0000001000);
	assert_int_equal(mapping.end, 0x7f0000003000);
	assert_int_equal(mapping.file_offset, 0x5000);
	assert_int_equal(mapping.device, makedev(0xfe, 1));
	assert_int_equal(mapping.inode, 4711);
	assert_string_equal(mapping.path, "/lib/x");
}

static void a_new_name_of_a_process_is_told(void **state)
{
	uint8_t record[128] = { 0 };

	(void)state;
	put(record, 0, PERF_RECORD_COMM, 4);
	put(record, 6, 24, 2);
	put(record, 8, 77, 4);
	put(record, 12, 77, 4);
	memcpy(record + 16, "name", 5);
	assert_int_equal(sideband_decode(record, 24, &mapping), 1);
	assert_int_equal(mapping.kind, SIDEBAND_COMM);
	assert_int_equal(mapping.pid, 77);
	put(record, 12, 78, 4); /* a thread's */
	assert_int_equal(sideband_decode(record, 24, &mapping), 0);
	assert_int_equal(sideband_decode(record, 12, &mapping), -EBADMSG);
}

static void a_cut_record_is_refused(void **state)
{
	uint8_t record[128];
	size_t size = build(record);

	(void)state;
	/* the path ends within its first 7 bytes, and must */
	for (size_t cut = 0; cut < 72 + 7; cut++)
		assert_int_equal(sideband_decode(record, cut, &mapping), -EBADMSG);
	put(record, 24, 0, 8);
	assert_int_equal(sideband_decode(record, size, &mapping), -EBADMSG);
	put(record, 24, ~0ULL, 8);
	assert_int_equal(sideband_decode(record, size, &mapping), -EBADMSG);
}

static void losses_are_told_and_other_records_are_not(void **state)
{
	uint8_t record[128];
	size_t size = build(record);

	(void)state;
	put(record, 0, PERF_RECORD_LOST, 4);
	assert_int_equal(sideband_decode(record, size, &mapping), -ENOBUFS);
	put(record, 0, PERF_RECORD_EXIT, 4);
	assert_int_equal(sideband_decode(record, size, &mapping), 0);
}

static int heard;

static void hear(void *context, const struct sideband_news *news)
{
	const struct stat *file = context;

	if (news && news->pid == (uint32_t)getpid() && news->inode == file->st_ino)
		heard++;
}

/* With the kernel's own records; only root may ask for them. */
static void the_kernel_tells_what_this_process_maps(void **state)
{
	struct sideband *sideband = NULL;
	struct stat file;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int err = sideband_open(&sideband);

	(void)state;
	assert_int_equal(fstat(fd, &file), 0);
	if (geteuid() != 0 && err) {
		assert_true(err == -EACCES || err == -EPERM);
		close(fd);
		return;
	}
	assert_int_equal(err, 0);
	assert_true(sideband_fd(sideband, 0) >= 0);
	/* more than a ring holds in all, each told as it comes */
	for (int i = 0; i < 2000; i++) {
		void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		assert_true(code != MAP_FAILED);
		sideband_drain(sideband, hear, &file);
		munmap(code, 4096);
	}
	assert_int_equal(heard, 2000);
	sideband_close(sideband);
	close(fd);
}

/* perf_event_open(2), PERF_RECORD_FORK and PERF_RECORD_EXIT */
static int decode_task(uint32_t type, uint32_t pid, uint32_t parent, uint32_t tid)
{
	uint8_t record[32] = { 0 };

	put(record, 0, type, 4);
	put(record, 6, sizeof(record), 2);
	put(record, 8, pid, 4);
	put(record, 12, parent, 4);
	put(record, 16, tid, 4);
	assert_int_equal(sideband_decode(record, sizeof(record) - 1, &mapping), -EBADMSG);
	return sideband_decode(record, sizeof(record), &mapping);
}

static void processes_that_come_and_go_are_told_and_threads_are_not(void **state)
{
	(void)state;
	assert_int_equal(decode_task(PERF_RECORD_FORK, 71, 70, 71), 1);
	assert_int_equal(mapping.kind, SIDEBAND_FORK);
	assert_int_equal(mapping.pid, 71);
	assert_int_equal(mapping.parent, 70);
	assert_int_equal(decode_task(PERF_RECORD_FORK, 70, 70, 72), 0);
	assert_int_equal(decode_task(PERF_RECORD_EXIT, 71, 70, 71), 1);
	assert_int_equal(mapping.kind, SIDEBAND_EXIT);
	assert_int_equal(decode_task(PERF_RECORD_EXIT, 70, 70, 72), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_of_a_file_is_told),
		cmocka_unit_test(a_new_name_of_a_process_is_told),
		cmocka_unit_test(a_cut_record_is_refused),
		cmocka_unit_test(losses_are_told_and_other_records_are_not),
		cmocka_unit_test(processes_that_come_and_go_are_told_and_threads_are_not),
		cmocka_unit_test(the_kernel_tells_what_this_process_maps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
