// SPDX-License-Identifier: GPL-2.0-or-later
/* Forks, and goes on allocating in parent and child: forks [-g FIFO] [-o FILE] [COUNT]. The truth
 * is the parent's. */
#include "truth.h"

#include <sys/wait.h>

static struct block blocks[256];

SITE struct block site_before_fork(size_t size)
{
	return block_malloc(__func__, size);
}

SITE struct block site_after_fork(size_t size)
{
	return block_malloc(__func__, size);
}

/* Replaces every block, half of which came before the fork: at the same addresses in both
 * processes. */
static void replace_all(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct block *block = &blocks[i % 256];
		block_free(block);
		*block = site_after_fork(32 + i % 500);
	}
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv), status = 0;
	uint64_t count = truth_number(argc, argv, next, 5000);

	truth_go();
	for (size_t i = 0; i < 128; i++)
		blocks[i] = site_before_fork(64 + i);
	pid_t pid = fork();
	if (pid < 0)
		return 1;
	replace_all(pid ? count : count * 2);
	if (pid == 0)
		_exit(0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		return 1;
	truth_end();
}
