// SPDX-License-Identifier: GPL-2.0-or-later
/* Threads that churn blocks of their own: threads [-g FIFO] [-o FILE] [THREADS [ROUNDS]] */
#include "truth.h"
#include "random.h"

#include <pthread.h>

#define SLOTS 64

static uint64_t rounds;

SITE struct block site_thread_malloc(size_t size)
{
	return block_malloc(__func__, size);
}

SITE struct block site_thread_calloc(size_t size)
{
	return block_calloc(__func__, 2, size);
}

SITE void site_thread_realloc(struct block *block, size_t size)
{
	block_realloc(__func__, block, size);
}

static void *churn(void *argument)
{
	unsigned index = (uintptr_t)argument;
	struct random random = { 88172645463325252 + index };
	struct block blocks[SLOTS] = { 0 };

	truth_thread_begin(index);
	for (uint64_t i = 0; i < rounds; i++) {
		struct block *block = &blocks[random_below(&random, SLOTS)];
		size_t size = 1 + random_below(&random, 3000);

		if (!block->address)
			*block = size % 2 ? site_thread_malloc(size) : site_thread_calloc(size);
		else if (size % 3)
			block_free(block);
		else
			site_thread_realloc(block, size);
	}
	truth_thread_end();
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	unsigned count = truth_number(argc, argv, next, 4);
	pthread_t thread;

	rounds = truth_number(argc, argv, next + 1, 5000);
	truth_is_concurrent = true;
	if (count >= TRUTH_THREADS_MAX)
		return 2;
	for (uintptr_t i = 1; i <= count; i++)
		if (pthread_create(&thread, NULL, churn, (void *)i) != 0)
			return 1;
	truth_go();
	truth_threads_await(count);
	truth_end();
}
