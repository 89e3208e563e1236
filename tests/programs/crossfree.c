// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads that free and reallocate each other's blocks: crossfree [-g FIFO] [-o FILE] [THREADS
 * [ROUNDS]]
 *
 * Blocks change hands through few slots and are freed at once, so that an address that one thread
 * frees, or leaves by a realloc that moves, is soon given out to another: events of both carry the
 * same address within microseconds.
 */
#include "truth.h"
#include "random.h"

#include <pthread.h>

#define SLOTS 8

/* At the start of a block, so that whoever gets it knows what it is. */
struct label {
	size_t size;
	const char *site;
};

static _Atomic(struct label *) slots[SLOTS];
static uint64_t rounds;

static struct label *label_put(struct block block)
{
	struct label *label = block.address;

	if (!label)
		abort();
	*label = (struct label) { block.size, block.site };
	return label;
}

static struct block label_take(struct label *label)
{
	if (!label)
		return (struct block) { 0 };
	return (struct block) { label, label->size, label->site };
}

SITE struct block site_cross_malloc(size_t size)
{
	return block_malloc(__func__, size);
}

SITE void site_cross_realloc(struct block *block, size_t size)
{
	block_realloc(__func__, block, size);
}

static void *churn(void *argument)
{
	unsigned index = (uintptr_t)argument;
	struct random random = { 362436069 + index };

	truth_thread_begin(index);
	for (uint64_t i = 0; i < rounds; i++) {
		size_t size = sizeof(struct label) + random_below(&random, 8) * 16;
		unsigned slot = random_below(&random, SLOTS);
		struct block mine, theirs;

		mine = site_cross_malloc(size);
		theirs = label_take(atomic_exchange(&slots[slot], label_put(mine)));
		if (theirs.address && size % 32) {
			site_cross_realloc(&theirs, theirs.size + 200 + size);
			slot = random_below(&random, SLOTS);
			theirs = label_take(atomic_exchange(&slots[slot], label_put(theirs)));
		}
		block_free(&theirs);
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
