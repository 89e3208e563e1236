// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Maps and unmaps in every way, beside an allocator that does the same: maps [-g FIFO] [-o FILE].
 * The truth's `mapped` is what a report's is; its other fields are the allocator's.
 */
#include "truth.h"

#include <sys/mman.h>

#define PAGE 4096ul

static struct {
	uint64_t mappings, unmappings, remappings, failed, live_bytes, file_bytes, peak_bytes;
} mapped;

static void grew(size_t bytes)
{
	mapped.live_bytes += bytes;
	if (mapped.live_bytes > mapped.peak_bytes)
		mapped.peak_bytes = mapped.live_bytes;
}

static void *checked(void *address)
{
	if (address == MAP_FAILED)
		_exit(1);
	return address;
}

SITE char *site_map(size_t pages)
{
	void *range = checked(mmap(NULL, pages * PAGE - 100, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	mapped.mappings++;
	grew(pages * PAGE);
	return range;
}

SITE char *site_map_file(int fd, size_t pages)
{
	void *range = checked(mmap(NULL, pages * PAGE, PROT_READ, MAP_PRIVATE, fd, 0));

	mapped.mappings++;
	mapped.file_bytes += pages * PAGE;
	grew(pages * PAGE);
	return range;
}

/* Over pages that are mapped already. */
SITE void site_map_over(char *at, size_t pages)
{
	checked(mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	mapped.mappings++;
}

SITE void site_unmap(char *at, size_t pages)
{
	mapped.unmappings++;
	mapped.live_bytes -= pages * PAGE;
	if (munmap(at, pages * PAGE))
		_exit(1);
}

SITE char *site_remap(char *at, size_t old_pages, size_t pages)
{
	void *range = checked(mremap(at, old_pages * PAGE, pages * PAGE, MREMAP_MAYMOVE));

	mapped.remappings++;
	mapped.live_bytes -= old_pages * PAGE;
	grew(pages * PAGE);
	return range;
}

/* The allocator moves the end of the data segment, too; it is told apart by who calls. */
SITE void site_break(size_t pages)
{
	if (sbrk((intptr_t)(pages * PAGE)) == (void *)-1)
		_exit(1);
	mapped.mappings++;
	grew(pages * PAGE);
}

SITE void site_break_back(size_t pages)
{
	mapped.unmappings++;
	mapped.live_bytes -= pages * PAGE;
	if (sbrk(-(intptr_t)(pages * PAGE)) == (void *)-1)
		_exit(1);
}

SITE void site_map_fails(void)
{
	if (mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		_exit(1);
	mapped.failed++;
}

/* Of these the allocator maps each, as they are large. */
SITE struct block site_large(size_t size)
{
	return block_malloc(__func__, size);
}

SITE void site_larger(struct block *block, size_t size)
{
	block_realloc(__func__, block, size);
}

static void put_mapped(void)
{
	truth_put_field("\"mapped\":{\"mappings\":", mapped.mappings);
	truth_put_field(",\"unmappings\":", mapped.unmappings);
	truth_put_field(",\"remappings\":", mapped.remappings);
	truth_put_field(",\"failed\":", mapped.failed);
	truth_put_field(",\"live_bytes\":", mapped.live_bytes);
	truth_put_field(",\"file_bytes\":", mapped.file_bytes);
	truth_put_field(",\"peak_bytes\":", mapped.peak_bytes);
	truth_put("},");
}

int main(int argc, char **argv)
{
	int fd, next = truth_arguments(argc, argv);
	uint64_t rounds = truth_number(argc, argv, next, 200);

	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 1;
	truth_go();
	for (uint64_t i = 0; i < rounds; i++) {
		struct block large = site_large(1 << 20);
		char *range = site_map(16);
		site_larger(&large, 3 << 20);
		site_unmap(range + 4 * PAGE, 4); /* out of its middle */
		site_map_over(range + 8 * PAGE, 4);
		site_unmap(range, 4);
		range = site_remap(range + 8 * PAGE, 8, 32 + i % 7);
		if (i % 10)
			site_unmap(range, 32 + i % 7);
		block_free(&large);
		site_break(3);
		site_break_back(3);
		site_map_fails();
	}
	site_map_file(fd, 2);
	/* asking moves nothing */
	if (sbrk(0) == (void *)-1)
		return 1;
	truth_put_more = put_mapped;
	truth_end();
}
