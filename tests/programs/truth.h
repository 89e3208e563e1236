/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The truth of a target: what a recorder must find, counted by the one who caused it.
 *
 * A target calls its allocator only between truth_go() and truth_end(). Nothing here uses the heap:
 * tables are static and text is put together by hand, as stdio would allocate.
 *
 * What counts as what, here and in `heaptrail report --json`:
 *  - a failed call counts in `failed` and nowhere else; free(NULL) counts nowhere;
 *  - realloc(NULL, n) is an allocation; realloc(p, 0) that returns NULL is a free of p; realloc(p,
 * 0) that returns a block, as jemalloc's does, is a reallocation to 0 bytes;
 *  - a reallocation adds its new size to allocated_bytes and the old one to freed_bytes, and from
 *    then on the block belongs to the call path that reallocated it;
 *  - live = allocated - freed; peak is the largest live_bytes after any event. Where several
 * threads allocate, nobody can tell the order in which they did, and the peak is null.
 *
 * A call path is named by the site: the exported function, never inlined, that calls the allocator.
 */
#ifndef TRUTH_H
#define TRUTH_H

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SITE		  __attribute__((noipa))
#define TRUTH_SITES_MAX	  256
#define TRUTH_THREADS_MAX 17
#define TRUTH_TEXT_MAX	  (1 << 18)

struct block {
	void *address; /* NULL: none */
	size_t size;
	const char *site;
};

struct truth_counts {
	uint64_t allocations, reallocations, frees, failed;
	uint64_t allocated_bytes, freed_bytes, live_blocks;
};

struct truth_site {
	const char *name;
	struct truth_counts counts;
};

/* One per thread, so that counting orders nothing between threads. A block freed by another thread
 * makes live_blocks of both wrap, and their sum right. */
struct truth {
	struct truth_site sites[TRUTH_SITES_MAX];
	uint64_t failed;
	uint64_t live_bytes, peak_bytes;
};

static struct truth truth_of_threads[TRUTH_THREADS_MAX];
static _Thread_local struct truth *truth_mine = &truth_of_threads[0];
static bool truth_is_concurrent;
static uint64_t truth_unknown; /* frees of blocks that were there before truth_go() */
static void (*truth_put_more)(void); /* fields of a program's own, each with a comma behind it */
static const char *truth_fifo, *truth_output;
static atomic_bool truth_is_started;
static atomic_uint truth_finished;

/* --- counting ------------------------------------------------------------------------------- */

static struct truth_counts *truth_site(struct truth *truth, const char *name)
{
	for (unsigned i = 0; i < TRUTH_SITES_MAX; i++) {
		struct truth_site *site = &truth->sites[i];

		if (!site->name)
			site->name = name;
		if (site->name == name || strcmp(site->name, name) == 0)
			return &site->counts;
	}
	abort();
}

static void truth_add(const char *name, size_t size)
{
	struct truth_counts *site = truth_site(truth_mine, name);

	site->allocated_bytes += size;
	site->live_blocks++;
	truth_mine->live_bytes += size;
}

static void truth_remove(const struct block *block)
{
	struct truth_counts *site = truth_site(truth_mine, block->site);

	site->freed_bytes += block->size;
	site->live_blocks--;
	truth_mine->live_bytes -= block->size;
}

static void truth_note_peak(void)
{
	if (truth_mine->live_bytes > truth_mine->peak_bytes)
		truth_mine->peak_bytes = truth_mine->live_bytes;
}

/* A call that allocates size bytes returned address. */
static __attribute__((noinline)) struct block truth_alloc(const char *site, void *address,
							  size_t size)
{
	if (!address) {
		truth_mine->failed++;
		return (struct block) { 0 };
	}
	truth_site(truth_mine, site)->allocations++;
	truth_add(site, size);
	truth_note_peak();
	return (struct block) { address, size, site };
}

/* The block is being freed. */
static __attribute__((noinline)) void truth_free(struct block *block)
{
	if (!block->address)
		return;
	truth_site(truth_mine, block->site)->frees++;
	truth_remove(block);
	*block = (struct block) { 0 };
}

/* A call that resizes the block to size bytes returned address. */
static __attribute__((noinline)) void truth_realloc(const char *site, struct block *block,
						    void *address, size_t size)
{
	if (!block->address) {
		*block = truth_alloc(site, address, size);
	} else if (address) {
		truth_site(truth_mine, site)->reallocations++;
		truth_remove(block);
		truth_add(site, size);
		truth_note_peak();
		*block = (struct block) { address, size, site };
	} else if (size == 0) {
		truth_free(block);
	} else {
		truth_mine->failed++;
	}
}

/* --- calls, inlined into the site ------------------------------------------------------------ */

#define INTO_SITE static inline __attribute__((always_inline, unused))

INTO_SITE struct block block_malloc(const char *site, size_t size)
{
	return truth_alloc(site, malloc(size), size);
}

INTO_SITE struct block block_calloc(const char *site, size_t count, size_t size)
{
	return truth_alloc(site, calloc(count, size), count * size);
}

INTO_SITE void block_realloc(const char *site, struct block *block, size_t size)
{
	truth_realloc(site, block, realloc(block->address, size), size);
}

INTO_SITE void block_free(struct block *block)
{
	void *address = block->address;

	truth_free(block);
	free(address);
}

/* --- text ------------------------------------------------------------------------------------ */

static char truth_text[TRUTH_TEXT_MAX];
static size_t truth_text_size;

static void truth_put(const char *text)
{
	size_t size = strlen(text);

	if (truth_text_size + size > sizeof(truth_text))
		abort();
	memcpy(truth_text + truth_text_size, text, size);
	truth_text_size += size;
}

static void truth_put_number(uint64_t value)
{
	char digits[21];
	char *digit = digits + sizeof(digits) - 1;

	*digit = '\0';
	do {
		*--digit = '0' + value % 10;
		value /= 10;
	} while (value);
	truth_put(digit);
}

static void truth_put_field(const char *name, uint64_t value)
{
	truth_put(name);
	truth_put_number(value);
}

static void truth_write(int fd)
{
	size_t written = 0;

	while (written < truth_text_size) {
		ssize_t n = write(fd, truth_text + written, truth_text_size - written);

		if (n < 0 && errno != EINTR)
			_exit(1);
		written += n > 0 ? (size_t)n : 0;
	}
	truth_text_size = 0;
}

static void truth_sum(struct truth_counts *sum, const struct truth_counts *part)
{
	sum->allocations += part->allocations;
	sum->reallocations += part->reallocations;
	sum->frees += part->frees;
	sum->allocated_bytes += part->allocated_bytes;
	sum->freed_bytes += part->freed_bytes;
	sum->live_blocks += part->live_blocks;
}

static void truth_put_sites(const struct truth *truth)
{
	truth_put("\"sites\":{");
	for (unsigned i = 0; i < TRUTH_SITES_MAX && truth->sites[i].name; i++) {
		const struct truth_counts *site = &truth->sites[i].counts;

		truth_put(i ? ",\"" : "\"");
		truth_put(truth->sites[i].name);
		truth_put_field("\":{\"allocations\":", site->allocations);
		truth_put_field(",\"reallocations\":", site->reallocations);
		truth_put_field(",\"frees\":", site->frees);
		truth_put_field(",\"allocated_bytes\":", site->allocated_bytes);
		truth_put_field(",\"live_bytes\":", site->allocated_bytes - site->freed_bytes);
		truth_put_field(",\"live_blocks\":", site->live_blocks);
		truth_put("}");
	}
	truth_put("}");
}

static void truth_put_all(void)
{
	static struct truth all;
	struct truth_counts sum = { 0 };

	for (unsigned t = 0; t < TRUTH_THREADS_MAX; t++) {
		const struct truth *part = &truth_of_threads[t];

		all.failed += part->failed;
		for (unsigned i = 0; i < TRUTH_SITES_MAX && part->sites[i].name; i++) {
			truth_sum(truth_site(&all, part->sites[i].name), &part->sites[i].counts);
			truth_sum(&sum, &part->sites[i].counts);
		}
	}
	truth_put_field("{\"pid\":", getpid());
	truth_put_field(",\"events\":{\"allocations\":", sum.allocations);
	truth_put_field(",\"frees\":", sum.frees + truth_unknown);
	truth_put_field(",\"reallocations\":", sum.reallocations);
	truth_put_field(",\"failed\":", all.failed);
	truth_put_field(",\"free_of_unknown\":", truth_unknown);
	truth_put_field("},\"totals\":{\"allocated_bytes\":", sum.allocated_bytes);
	truth_put_field(",\"freed_bytes\":", sum.freed_bytes);
	truth_put_field(",\"live_bytes\":", sum.allocated_bytes - sum.freed_bytes);
	truth_put_field(",\"live_blocks\":", sum.live_blocks);
	if (truth_is_concurrent)
		truth_put(",\"peak_bytes\":null},");
	else
		truth_put_field(",\"peak_bytes\":", truth_of_threads[0].peak_bytes),
			truth_put("},");
	if (truth_put_more)
		truth_put_more();
	truth_put_sites(&all);
	truth_put("}\n");
}

/* --- start and stop -------------------------------------------------------------------------- */

/* Takes [-g FIFO] [-o FILE] from the front of the arguments; returns the index of the next one. */
static int truth_arguments(int argc, char **argv)
{
	int next = 1;

	while (next + 1 < argc && argv[next][0] == '-') {
		if (strcmp(argv[next], "-g") == 0)
			truth_fifo = argv[next + 1];
		else if (strcmp(argv[next], "-o") == 0)
			truth_output = argv[next + 1];
		else
			break;
		next += 2;
	}
	return next;
}

static __attribute__((unused)) uint64_t truth_number(int argc, char **argv, int index,
						     uint64_t otherwise)
{
	return index < argc ? strtoull(argv[index], NULL, 0) : otherwise;
}

/* Blocks until somebody has opened the FIFO and closed it again: whoever writes is gone before the
 * next wait begins, and cannot be taken for the next. Returns at once where there is no FIFO. */
static void truth_await(void)
{
	char bytes[16];
	ssize_t n;
	int fd;

	if (!truth_fifo)
		return;
	fd = open(truth_fifo, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		_exit(1);
	while ((n = read(fd, bytes, sizeof(bytes))) != 0)
		if (n < 0 && errno != EINTR)
			_exit(1);
	close(fd);
}

/* Everything is prepared (threads, too: pthread_create allocates). Returns once it may begin. */
static void truth_go(void)
{
	if (truth_fifo) {
		truth_put_field("ready ", getpid());
		truth_put("\n");
		truth_write(STDOUT_FILENO);
	}
	truth_await();
	truth_is_started = true;
}

/* Prints the truth, waits for the FIFO's second word where there is one, and exits. */
static __attribute__((unused)) _Noreturn void truth_end(void)
{
	static char name[4096];
	int fd = STDOUT_FILENO;

	truth_put_all();
	if (truth_output) {
		if (strlen(truth_output) + 5 > sizeof(name))
			_exit(1);
		strcat(strcpy(name, truth_output), ".tmp");
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	}
	truth_write(fd);
	if (truth_output && rename(name, truth_output) < 0)
		_exit(1);
	/* heaptrack writes what it has at exit; a recorder is to see nothing after the truth */
	if (!truth_fifo)
		exit(0);
	truth_await();
	_exit(0);
}

/* A thread's first and last call. It must not exit: glibc frees a thread's cache at its exit. */
static __attribute__((unused)) void truth_thread_begin(unsigned index)
{
	truth_mine = &truth_of_threads[index];
	while (!truth_is_started)
		usleep(200);
}

static __attribute__((unused)) _Noreturn void truth_thread_end(void)
{
	truth_finished++;
	for (;;)
		pause();
}

static __attribute__((unused)) void truth_threads_await(unsigned count)
{
	while (truth_finished < count)
		usleep(200);
}

#endif
