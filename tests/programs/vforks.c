// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocates and frees in a child that runs in its parent's address space, then lets one become
 * another program: vforks [-g FIFO] [-o FILE] PROGRAM [ARG...]. The truth is the parent's.
 */
#include "truth.h"

#include <sys/wait.h>

#define BLOCKS 512

static struct block blocks[BLOCKS];

SITE struct block site_in_parent(size_t size)
{
	return block_malloc(__func__, size);
}

SITE struct block site_in_child(size_t size)
{
	return block_malloc(__func__, size);
}

/* Frees every other block, and takes another size for it. */
SITE void site_replace(void)
{
	for (size_t i = 0; i < BLOCKS; i += 2) {
		block_free(&blocks[i]);
		blocks[i] = site_in_child(1000 + i);
	}
}

/* program: NULL where the child only allocates. */
static void child_run(char **program)
{
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		site_replace();
		if (program)
			execv(program[0], program);
		_exit(program ? 126 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		_exit(1);
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);

	if (next >= argc)
		return 1;
	truth_go();
	for (size_t i = 0; i < BLOCKS; i++)
		blocks[i] = site_in_parent(100 + i);
	child_run(NULL);
	child_run(argv + next);
	for (size_t i = 0; i < BLOCKS; i += 3)
		block_free(&blocks[i]);
	truth_end();
}
