// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * malloc and free and nothing else, under a stack of some twenty frames: tight [-g FIFO] [ROUNDS [PAIRS [DEPTH]]]
 *
 * After the go, prints what a pair took, in ns, one line per round.
 */
#include "truth.h"

#include <time.h>

SITE void site_tight(uint64_t pairs)
{
	for (uint64_t i = 0; i < pairs; i++) {
		void *volatile address = malloc(64);

		free(address);
	}
}

/* Frames between main and the loop, as a program of some size has them. */
__attribute__((noinline)) static void under(uint64_t depth, uint64_t pairs)
{
	if (depth)
		under(depth - 1, pairs);
	else
		site_tight(pairs);
	__asm__ volatile("");
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	uint64_t rounds = truth_number(argc, argv, next, 5);
	uint64_t pairs = truth_number(argc, argv, next + 1, 100000);
	uint64_t depth = truth_number(argc, argv, next + 2, 15);

	if (!pairs)
		return 2;
	truth_go();
	site_tight(1000);
	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t start_ns = now_ns(), spent_ns;

		under(depth, pairs);
		spent_ns = now_ns() - start_ns;
		truth_put_number(spent_ns / pairs);
		truth_put_field(".", spent_ns * 10 / pairs % 10);
		truth_put("\n");
		truth_write(STDOUT_FILENO);
	}
	truth_await();
	_exit(0);
}
