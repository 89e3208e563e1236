// SPDX-License-Identifier: GPL-2.0-or-later
/* A file stands for a process's memory: its offsets are the addresses. */
#include "heap/count.h"

#include "base/clock.h"
#include "heap/arena.h"

#include <malloc.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define DATA	   0x10000ull /* of a C library */
#define MAIN	   (DATA + 0x100)
#define PARAMETERS (DATA + 0xc00)
#define DATA_END   0x12000ull
#define HEAP	   0x100000ull
#define HEAP_END   0x120000ull
#define IMAGE	   HEAP_END
#define SECOND_NS  1000000000ull

static uint8_t image[IMAGE], window[MEMORY_WINDOW_BYTES];

static void put(uint64_t address, uint64_t value)
{
	memcpy(image + address, &value, sizeof(value));
}

/* The chunk's size, and whether the one before it is in use. */
static uint64_t chunk(uint64_t at, uint64_t size, bool is_previous_used)
{
	put(at + 8, size | is_previous_used);
	return at + size;
}

/* A main arena with empty bins, a heap of a used, a free, a used block and the top; one mapped
 * block. */
static void make_image(void)
{
	uint64_t at = HEAP;

	memset(image, 0, sizeof(image));
	for (unsigned i = 0; i < 254; i++)
		put(MAIN + 112 + 8 * i, MAIN + 112 + 16 * (i / 2) - 16);
	put(MAIN + 2160, MAIN);
	put(MAIN + 2176, 1);
	put(MAIN + 2184, HEAP_END - HEAP);
	put(MAIN + 2192, HEAP_END - HEAP);
	int32_t counts[3] = { 1, 65536, 2 };
	memcpy(image + PARAMETERS - 36, counts, sizeof(counts));
	put(PARAMETERS - 16, 0x21000);
	put(PARAMETERS - 8, 0x42000);
	put(PARAMETERS, HEAP);
	put(PARAMETERS + 8, 64);
	put(PARAMETERS + 16, 1032);
	at = chunk(at, 0x40, true);
	at = chunk(at, 0x500, true); /* free */
	at = chunk(at, 0x30, false);
	put(MAIN + 96, at);
	chunk(at, HEAP_END - at, true);
}

static struct census count(void)
{
	static const char MAPS[] = "00001000-00002000 r--p 00000000 08:01 7 /bin/program\n"
				   "00010000-00012000 rw-p 00000000 08:01 9 /lib/libc.so.6\n"
				   "00100000-00120000 rw-p 00000000 00:00 0 [heap]\n";
	struct memory memory = { .fd = memfd_create("image", MFD_CLOEXEC), .window = window };
	struct regions regions;
	struct census census = { 0 };
	char maps[sizeof(MAPS)];

	assert_int_equal(write(memory.fd, image, sizeof(image)), sizeof(image));
	strcpy(maps, MAPS);
	assert_int_equal(regions_parse(maps, &regions), 0);
	assert_int_equal(regions.count, 2);
	count_heap(&memory, &regions, clock_now_ns() + SECOND_NS, &census);
	regions_free(&regions);
	close(memory.fd);
	return census;
}

static void blocks_are_counted_by_what_they_are(void **state)
{
	(void)state;
	make_image();
	struct census census = count();
	assert_int_equal(census.arenas, 1);
	assert_int_equal(census.heap_bytes, HEAP_END - HEAP);
	assert_int_equal(census.used_blocks, 2);
	assert_int_equal(census.used_bytes, 0x70);
	assert_int_equal(census.free_blocks, 1);
	assert_int_equal(census.free_bytes, 0x500);
	assert_int_equal(census.largest_free_bytes, 0x500);
	assert_int_equal(census.top_bytes, HEAP_END - HEAP - 0x570);
	assert_int_equal(census.mapped_blocks, 1);
	assert_int_equal(census.mapped_bytes, 0x21000);
	assert_int_equal(census.unread_bytes, 0);
}

static void blocks_in_fastbins_are_free(void **state)
{
	(void)state;
	make_image();
	/* the first one, 0x40: bin 2; its pointer is combined with its place (safe-linking) */
	put(MAIN + 16 + 8 * 2, HEAP);
	put(HEAP + 16, (HEAP + 16) >> 12);
	struct census census = count();
	assert_int_equal(census.fast_blocks, 1);
	assert_int_equal(census.fast_bytes, 0x40);
	assert_int_equal(census.used_blocks, 1);
	assert_int_equal(census.used_bytes, 0x30);
}

static void a_list_that_leads_to_itself_ends(void **state)
{
	(void)state;
	make_image();
	put(MAIN + 16 + 8 * 2, HEAP);
	put(HEAP + 16, HEAP);
	struct census census = count();
	assert_true(census.fast_blocks > 1000);
	assert_int_equal(census.used_blocks, 0);
}

static void what_is_no_chunk_ends_the_count(void **state)
{
	static const uint64_t SIZES[] = { 0, 8, 24, 0x48, 1ull << 62, ~0ull & ~7ull, HEAP_END };

	(void)state;
	for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
		make_image();
		put(HEAP + 0x40 + 8, SIZES[i]);
		struct census census = count();
		assert_int_equal(census.unread_bytes, HEAP_END - HEAP - 0x40);
		assert_int_equal(census.used_blocks + census.free_blocks, 1);
	}
}

/* Another arena whose `next` is itself, and whose heap's `prev` is itself. */
static void rings_that_lead_into_themselves_end(void **state)
{
	enum {
		OTHER_HEAP = 0x4000000
	};
	static uint8_t other[0x2000];
	const uint64_t arena = OTHER_HEAP + 48;
	struct memory memory = { .fd = memfd_create("image", MFD_CLOEXEC), .window = window };
	char maps[] = "00010000-00012000 rw-p 00000000 08:01 9 /lib/libc.so.6\n"
		      "00100000-00120000 rw-p 00000000 00:00 0 [heap]\n"
		      "04000000-04002000 rw-p 00000000 00:00 0 \n";
	struct regions regions;
	struct census census = { 0 };

	(void)state;
	make_image();
	memcpy(other + 48, image + MAIN, 2200);
	uint64_t words[] = { arena, OTHER_HEAP, 0x2000, 0x2000 };
	memcpy(other, words, sizeof(words));
	for (unsigned i = 0; i < 254; i++) {
		uint64_t bin = arena + 112 + 16 * (i / 2) - 16;
		memcpy(other + 48 + 112 + 8 * i, &bin, 8);
	}
	uint64_t top = OTHER_HEAP + 0x1000, size = 0x1001;
	memcpy(other + 48 + 96, &top, 8);
	memcpy(other + 0x1008, &size, 8);
	memcpy(other + 48 + 2160, &arena, 8);
	put(MAIN + 2160, arena);
	assert_int_equal(pwrite(memory.fd, image, sizeof(image), 0), sizeof(image));
	assert_int_equal(pwrite(memory.fd, other, sizeof(other), OTHER_HEAP), sizeof(other));
	assert_int_equal(regions_parse(maps, &regions), 0);
	count_heap(&memory, &regions, clock_now_ns() + SECOND_NS, &census);
	assert_int_equal(census.arenas, 2);
	assert_true(census.unread_bytes <= census.heap_bytes);
	regions_free(&regions);
	close(memory.fd);
}

static void without_an_arena_there_is_nothing(void **state)
{
	(void)state;
	make_image();
	put(MAIN + 112 + 16 * 50, 0x1234); /* one bin is neither empty nor a chunk */
	assert_int_equal(count().arenas, 0);
	make_image();
	put(MAIN + 2160, MAIN + 16); /* the ring does not lead back */
	assert_int_equal(count().arenas, 0);
	make_image();
	memset(image + MAIN + 96, 0, 2048); /* never used */
	assert_int_equal(count().arenas, 0);
}

/* Whatever a process has put there, the count ends. */
static void damaged_memory_does_no_harm(void **state)
{
	unsigned seed = 3;

	(void)state;
	for (int round = 0; round < 400; round++) {
		make_image();
		for (int i = 0; i < 1 + round % 50; i++) {
			uint64_t place = rand_r(&seed) % 3 ? HEAP + (uint64_t)rand_r(&seed) % 0x1000
					 : rand_r(&seed) % 2
						 ? MAIN + (uint64_t)rand_r(&seed) % 2200
						 : DATA + (uint64_t)rand_r(&seed) % 0x2000;
			place &= ~7ull;
			uint64_t values[] = { HEAP + (uint64_t)rand_r(&seed) % 0x20000,
					      (uint64_t)rand_r(&seed),
					      MAIN,
					      ~0ull,
					      0,
					      32,
					      (uint64_t)rand_r(&seed) << 20 | 0x30 };
			put(place,
			    values[(size_t)rand_r(&seed) % (sizeof(values) / sizeof(values[0]))]);
		}
		(void)count();
	}
}

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	return file;
}

/* The heap of a copy of this process that has allocated some blocks more. */
static struct census count_copy(unsigned blocks, uint64_t *arena_bytes)
{
	static char maps[1 << 20];
	struct memory memory = { .window = window };
	struct regions regions;
	struct census census = { 0 };
	int ready[2];

	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		static void *volatile kept __attribute__((unused));
		for (unsigned i = 0; i < blocks; i++)
			kept = malloc(2000); /* too large for caches */
		uint64_t bytes = mallinfo2().arena;
		_exit(write(ready[1], &bytes, sizeof(bytes)) != sizeof(bytes) || pause());
	}
	assert_int_equal(read(ready[0], arena_bytes, sizeof(*arena_bytes)), sizeof(*arena_bytes));
	FILE *file = open_proc(pid, "maps"), *mem = open_proc(pid, "mem");
	memory.fd = fileno(mem);
	maps[fread(maps, 1, sizeof(maps) - 1, file)] = 0;
	assert_int_equal(regions_parse(maps, &regions), 0);
	count_heap(&memory, &regions, clock_now_ns() + SECOND_NS, &census);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	regions_free(&regions);
	fclose(file);
	fclose(mem);
	close(ready[0]);
	close(ready[1]);
	return census;
}

static void the_heap_of_a_real_process_is_counted(void **state)
{
	uint64_t arena_bytes;
	struct census before = count_copy(0, &arena_bytes), after = count_copy(1000, &arena_bytes);

	(void)state;
	assert_int_equal(after.unread_bytes, 0);
	assert_int_equal(after.arenas, 1);
	assert_int_equal(after.heap_bytes, arena_bytes);
	assert_int_equal(after.used_blocks - before.used_blocks, 1000);
	assert_in_range(after.used_bytes - before.used_bytes, 2000 * 1000, 2100 * 1000);
}

static void resident_sizes_are_in_lines_of_their_own(void **state)
{
	struct census census = { 0 };

	(void)state;
	count_resident(
		"00400000-7fff rollup\nRss:  100 kB\nPss: 90 kB\nPss_Anon: 7 kB\nAnonymous: 80 kB\nSwap: 4 kB\n"
		"SwapPss: 3 kB\n",
		&census);
	assert_int_equal(census.rss_bytes, 102400);
	assert_int_equal(census.pss_bytes, 92160);
	assert_int_equal(census.anonymous_bytes, 81920);
	assert_int_equal(census.swap_bytes, 4096);
	count_resident("", &census);
	assert_int_equal(census.rss_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_are_counted_by_what_they_are),
		cmocka_unit_test(blocks_in_fastbins_are_free),
		cmocka_unit_test(a_list_that_leads_to_itself_ends),
		cmocka_unit_test(what_is_no_chunk_ends_the_count),
		cmocka_unit_test(rings_that_lead_into_themselves_end),
		cmocka_unit_test(without_an_arena_there_is_nothing),
		cmocka_unit_test(damaged_memory_does_no_harm),
		cmocka_unit_test(the_heap_of_a_real_process_is_counted),
		cmocka_unit_test(resident_sizes_are_in_lines_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
