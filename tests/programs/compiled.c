// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocates through code without a file, at the same addresses in every process, and tells perf
 * what that code is called: compiled [-g FIFO] [-o FILE] WHO now|late|never
 *
 * The map says WHO.all of the whole page first, and then of each function WHO.0, WHO.1, WHO.2; the
 * name of the last one is a megabyte long. late: after the first half of the calls. twice: the code
 * is memory that is mapped twice, to be written at one place and executed at the other.
 */
#include "truth.h"

#include <sys/mman.h>

#define CODE	   ((char *)0x7e5500000000)
#define FUNCTIONS  3
#define SPACING	   64
#define ROUNDS	   100
#define NAME_BYTES (1 << 20)

typedef void compiled_function(void (*next)(void));

/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret */
static const unsigned char INSTRUCTIONS[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3 };

SITE void site_compiled(void)
{
	block_malloc("site_compiled", 10);
}

SITE void call_compiled(unsigned i)
{
	((compiled_function *)(CODE + i * SPACING))(site_compiled);
	__asm__ volatile("" : : : "memory");
}

static void compile(bool is_twice)
{
	int fd = is_twice ? memfd_create("doublemapper", MFD_CLOEXEC) : -1;
	char *code = CODE;

	if (is_twice) {
		if (ftruncate(fd, 4096))
			_exit(1);
		code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	}
	if (mmap(CODE, 4096, PROT_READ | (is_twice ? PROT_EXEC : PROT_WRITE),
		 (is_twice ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS) | MAP_FIXED_NOREPLACE, fd,
		 0) != CODE)
		_exit(1);
	for (unsigned i = 0; i < FUNCTIONS; i++)
		memcpy(code + i * SPACING, INSTRUCTIONS, sizeof(INSTRUCTIONS));
	if (!is_twice)
		mprotect(CODE, 4096, PROT_READ | PROT_EXEC);
}

static void write_line(int fd, unsigned offset, unsigned size, const char *who, const char *name)
{
	dprintf(fd, "%lx %x %s.%s\n", (unsigned long)CODE + offset, size, who, name);
}

static void tell_perf(const char *who)
{
	static char name[NAME_BYTES];
	char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		_exit(1);
	write_line(fd, 0, 4096, who, "all");
	for (unsigned i = 0; i < FUNCTIONS; i++) {
		memset(name, 'x', i == FUNCTIONS - 1 ? sizeof(name) - 1 : 1);
		name[0] = (char)('0' + i);
		write_line(fd, i * SPACING, sizeof(INSTRUCTIONS), who, name);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	const char *who = next < argc ? argv[next] : "it",
		   *when = next + 1 < argc ? argv[next + 1] : "now";

	compile(next + 2 < argc && strcmp(argv[next + 2], "twice") == 0);
	if (strcmp(when, "now") == 0)
		tell_perf(who);
	truth_go();
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (round == ROUNDS / 2 && strcmp(when, "late") == 0) {
			usleep(500000); /* stacks are looked at before there is a map */
			tell_perf(who);
		}
		for (unsigned i = 0; i < FUNCTIONS; i++)
			call_compiled(i);
	}
	truth_end();
}
