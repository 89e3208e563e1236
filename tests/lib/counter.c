// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counts the calls of a program's allocator from its first one on, for LD_PRELOAD.
 *
 * The counters are a shared mapping of a file in $HEAPTRAIL_COUNTER_DIR, one per program image
 * ("PID.N" is the N-th program that PID executed), so that they are complete however the program
 * ends. Nothing here allocates.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *address, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);
void __libc_free(void *address);

/* As tests/lib/counters reads them. */
struct counters {
	_Atomic uint64_t allocations, frees, reallocations, failed, allocated_bytes;
	char program[64];
};

static struct counters nowhere;
static struct counters *counters;
static pid_t owner;

static void put_number(char **text, unsigned value)
{
	char digits[12], *digit = digits + sizeof(digits) - 1;

	*digit = '\0';
	do {
		*--digit = '0' + value % 10;
		value /= 10;
	} while (value);
	*text = stpcpy(*text, digit);
}

static struct counters *counters_open(const char *directory)
{
	char name[512], *end;
	void *map = MAP_FAILED;
	int fd = -1;

	if (!directory || strlen(directory) > 400)
		return &nowhere;
	for (unsigned image = 0; fd < 0 && image < 1000; image++) {
		end = stpcpy(stpcpy(name, directory), "/");
		put_number(&end, getpid());
		end = stpcpy(end, ".");
		put_number(&end, image);
		fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			return &nowhere;
	}
	if (fd >= 0 && ftruncate(fd, sizeof(struct counters)) == 0)
		map = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0);
	close(fd);
	return map == MAP_FAILED ? &nowhere : map;
}

static struct counters *here(void)
{
	int error = errno;

	/* a fork shares the mapping with its parent, and is a program of its own */
	if (!counters || owner != getpid()) {
		owner = getpid();
		counters = counters_open(getenv("HEAPTRAIL_COUNTER_DIR"));
		strncpy(counters->program, program_invocation_short_name ?: "",
			sizeof(counters->program) - 1);
	}
	errno = error;
	return counters;
}

static void *allocated(void *address, size_t size)
{
	struct counters *mine = here();

	if (!address) {
		mine->failed++;
		return NULL;
	}
	mine->allocations++;
	mine->allocated_bytes += size;
	return address;
}

void *malloc(size_t size)
{
	return allocated(__libc_malloc(size), size);
}

void *calloc(size_t count, size_t size)
{
	return allocated(__libc_calloc(count, size), count * size);
}

void *memalign(size_t alignment, size_t size)
{
	return allocated(__libc_memalign(alignment, size), size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **address, size_t alignment, size_t size)
{
	int error = errno, is_usable = alignment && alignment % sizeof(void *) == 0 &&
				       (alignment & (alignment - 1)) == 0;
	void *block = allocated(is_usable ? __libc_memalign(alignment, size) : NULL, size);

	errno = error;
	if (!is_usable)
		return EINVAL;
	if (!block)
		return ENOMEM;
	*address = block;
	return 0;
}

void *valloc(size_t size)
{
	return allocated(__libc_valloc(size), size);
}

void *pvalloc(size_t size)
{
	return allocated(__libc_pvalloc(size), size);
}

void *realloc(void *address, size_t size)
{
	void *block = __libc_realloc(address, size);

	if (!address)
		return allocated(block, size);
	if (block) {
		here()->reallocations++;
		here()->allocated_bytes += size;
	} else if (size) {
		here()->failed++;
	} else {
		here()->frees++;
	}
	return block;
}

void *reallocarray(void *address, size_t count, size_t size)
{
	size_t bytes;

	if (!__builtin_mul_overflow(count, size, &bytes))
		return realloc(address, bytes);
	here()->failed++;
	errno = ENOMEM;
	return NULL;
}

void free(void *address)
{
	if (address)
		here()->frees++;
	__libc_free(address);
}
