// SPDX-License-Identifier: GPL-2.0-or-later
/* With an argument: what this malloc makes of sizes, a line for each. */
#include "analysis/allocators.h"

#include <inttypes.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZES_END (1u << 20)
#ifdef __aarch64__
#define LIBRARIES "/usr/lib/aarch64-linux-gnu/"
#else
#define LIBRARIES "/usr/lib/x86_64-linux-gnu/"
#endif

static void chunks_are_those_of_glibc(void **state)
{
	const struct allocator *glibc = ALLOCATOR_GLIBC;

	(void)state;
	assert_int_equal(allocator_chunk(glibc, 0, 16), 32);
	assert_int_equal(allocator_chunk(glibc, 24, 16), 32);
	assert_int_equal(allocator_chunk(glibc, 25, 16), 48);
	assert_int_equal(allocator_chunk(glibc, 1000, 16), 1008);
	assert_int_equal(allocator_chunk(glibc, 200000, 0x1010), 200704);
	assert_int_equal(allocator_chunk(glibc, 200000, 0x1030), 200016);
	assert_int_equal(allocator_chunk(glibc, UINT64_MAX, 16), UINT64_MAX);
}

static void say_sizes(void)
{
	/* every third block stays, so that not all are the same; in glibc's heap, that would leave
	 * larger pieces than asked for */
	bool stays = getenv("LD_PRELOAD");

	for (size_t size = 1; size < SIZES_END; size += size < 20000 ? 1 : size / 50) {
		void *block = malloc(size);
		printf("%zu %zu %" PRIu64 "\n", size, malloc_usable_size(block),
		       (uint64_t)(uintptr_t)block);
		if (size % 3 || !stays)
			free(block);
	}
}

/* What the library's malloc says of a block, in a process of its own. */
typedef void said_fn(const struct allocator *allocator, uint64_t size, uint64_t usable,
		     uint64_t address);

static size_t ask(const char *library, const struct allocator *allocator, said_fn *said)
{
	uint64_t size, usable, address;
	size_t count = 0;
	int fds[2], status;

	assert_int_equal(pipe(fds), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (*library)
			setenv("LD_PRELOAD", library, 1);
		dup2(fds[1], STDOUT_FILENO);
		close(fds[0]);
		close(fds[1]);
		execl("/proc/self/exe", "allocators_test", "sizes", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	FILE *lines = fdopen(fds[0], "r");
	assert_non_null(lines);
	for (; fscanf(lines, "%" SCNu64 " %" SCNu64 " %" SCNu64, &size, &usable, &address) == 3;
	     count++)
		said(allocator, size, usable, address);
	fclose(lines);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return count;
}

static size_t exact;

/* What would be too small for another block is left to this one. */
static void is_glibcs(const struct allocator *glibc, uint64_t size, uint64_t usable,
		      uint64_t address)
{
	bool is_mapped = size >= 128 << 10 && address % 4096 == 16;
	uint64_t expected = allocator_chunk(glibc, size, address) - (is_mapped ? 16 : 8);

	assert_in_range(usable, expected, expected + 16);
	exact += usable == expected;
}

static size_t traces;

static void is_exact(const struct allocator *allocator, uint64_t size, uint64_t usable,
		     uint64_t address)
{
	assert_int_equal(allocator_chunk(allocator, size, address), usable);
	assert_int_not_equal(allocator_trace(allocator, size, address), TRACE_FITS_NOT);
	traces += allocator_trace(allocator, size, address) == TRACE_FITS;
}

static void is_refuted(const struct allocator *allocator, uint64_t size, uint64_t usable,
		       uint64_t address)
{
	(void)usable;
	traces += allocator_trace(allocator, size, address) == TRACE_FITS_NOT;
}

/* The sanitizer has an allocator of its own, and wants to be loaded first. */
#ifdef __SANITIZE_ADDRESS__
#define IS_MALLOC false
#else
#define IS_MALLOC true
#endif

static void chunks_are_as_large_as_malloc_says(void **state)
{
	static const char *const FILES[] = { "libjemalloc.so.2", "libtcmalloc_minimal.so.4",
					     "libtcmalloc.so.4" };
	size_t count = IS_MALLOC ? ask("", ALLOCATOR_GLIBC, is_glibcs) : 0;

	(void)state;
	assert_true(exact >= count / 2);
	for (size_t i = 0; IS_MALLOC && i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		char path[256];
		snprintf(path, sizeof(path), LIBRARIES "%s", FILES[i]);
		const struct allocator *allocator = allocator_of_module(path);
		assert_non_null(allocator);
		assert_int_not_equal(access(path, R_OK), -1);
		traces = 0;
		assert_true(ask(path, allocator, is_exact) > 20000);
		assert_true(traces > 1000);
		/* glibc's blocks do not look like these */
		traces = 0;
		ask("", allocator, is_refuted);
		assert_true(traces > 1000);
	}
}

static void allocators_are_known_by_their_files(void **state)
{
	static const struct {
		const char *path, *name;
	} FILES[] = {
		{ "/usr/lib/x86_64-linux-gnu/libc.so.6", "glibc" },
		{ "/lib/libc-2.31.so", "glibc" },
		{ "/opt/libjemalloc.so.2", "jemalloc" },
		{ "/opt/libtcmalloc_minimal.so.4.5.10", "tcmalloc" },
		{ "/opt/libtcmalloc_debug.so.4", NULL },
		{ "/lib/ld-musl-x86_64.so.1", NULL },
		{ "/usr/lib/x86_64-linux-musl/libc.so", NULL },
		{ "/usr/lib/libstdc++.so.6", NULL },
		{ "libc.so.6", NULL },
		{ NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		const struct allocator *allocator = allocator_of_module(FILES[i].path);
		assert_int_equal(allocator != NULL, FILES[i].name != NULL);
		if (allocator)
			assert_string_equal(allocator_name(allocator), FILES[i].name);
	}
	assert_true(allocator_is_asked_by("/usr/lib/libstdc++.so.6"));
	assert_false(allocator_is_asked_by("/usr/lib/libc.so.6"));
	assert_false(allocator_is_asked_by(NULL));
}

static void where_more_than_the_size_decides_nothing_is_known(void **state)
{
	const struct allocator *jemalloc = allocator_of_module("/lib/libjemalloc.so.2"),
			       *tcmalloc = allocator_of_module("/lib/libtcmalloc.so.4");

	(void)state;
	assert_true(allocator_knows(jemalloc, "malloc") && allocator_knows(jemalloc, "realloc"));
	assert_false(allocator_knows(jemalloc, "posix_memalign"));
	assert_false(allocator_knows(jemalloc, "mallocx"));
	assert_true(allocator_knows(tcmalloc, "calloc"));
	assert_false(allocator_knows(tcmalloc, "reallocarray"));
	assert_true(allocator_knows(ALLOCATOR_GLIBC, "aligned_alloc"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_those_of_glibc),
		cmocka_unit_test(chunks_are_as_large_as_malloc_says),
		cmocka_unit_test(allocators_are_known_by_their_files),
		cmocka_unit_test(where_more_than_the_size_decides_nothing_is_known),
	};

	(void)argv;
	if (argc > 1) {
		say_sizes();
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
