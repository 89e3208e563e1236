// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Code of other files calls back, and allocates: hosts [-g FIFO] [-o FILE] FILE...
 *
 * Each file is mapped for execution, whatever it is. Where its second page begins with the code
 * that tests/lib/hostile-files puts there, that code is called.
 */
#include "truth.h"

#include <sys/mman.h>

#define FILES_MAX 64
#define MAP_SIZE  8192
#define CALLS	  200

static const unsigned char CODE[] = { 0x48, 0x83, 0xec, 0x08 }; /* sub $8, %rsp */
static struct block blocks[FILES_MAX][CALLS];
static struct block *next;

SITE struct block site_hosted(size_t size)
{
	return block_malloc(__func__, size);
}

static void called_back(void)
{
	*next = site_hosted(100);
}

static unsigned char *map(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *mapped = mmap(NULL, MAP_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	if (mapped == MAP_FAILED)
		_exit(1);
	close(fd);
	return mapped;
}

int main(int argc, char **argv)
{
	unsigned char *code[FILES_MAX] = { 0 };
	bool is_code[FILES_MAX];
	int first = truth_arguments(argc, argv), count = argc - first;

	if (count > FILES_MAX)
		return 2;
	for (int i = 0; i < count; i++) {
		code[i] = map(argv[first + i]) + MAP_SIZE / 2;
		/* read now: later its file system may not answer any more */
		is_code[i] = memcmp(code[i], CODE, sizeof(CODE)) == 0;
	}
	truth_go();
	for (int i = 0; i < count; i++) {
		for (int k = 0; k < CALLS && is_code[i]; k++) {
			next = &blocks[i][k];
			((void (*)(void (*)(void)))code[i])(called_back);
		}
		for (int k = 0; k < CALLS; k += 2)
			block_free(&blocks[i][k]);
	}
	truth_end();
}
