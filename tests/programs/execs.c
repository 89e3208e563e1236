// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocates, and becomes another program, which is to tell its own truth:
 * execs [-g FIFO] COUNT IS_IN_THREAD PROGRAM [ARG...]
 */
#include "truth.h"

#include <pthread.h>

static char **command;

SITE struct block site_before_exec(size_t size)
{
	return block_malloc(__func__, size);
}

static void *become(void *unused)
{
	(void)unused;
	execv(command[0], command);
	_exit(126);
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	uint64_t count = truth_number(argc, argv, next, 1000);
	uint64_t is_in_thread = truth_number(argc, argv, next + 1, 0);
	pthread_t thread;

	if (argc < next + 3)
		return 1;
	command = argv + next + 2;
	truth_go();
	for (uint64_t i = 0; i < count; i++)
		if (!site_before_exec(32 + i % 64).address)
			return 1;
	if (!is_in_thread)
		become(NULL);
	if (pthread_create(&thread, NULL, become, NULL) == 0)
		pthread_join(thread, NULL);
	return 1;
}
