// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server that grows: leaky [-g FIFO] [-o FILE] [ROUNDS [PAUSE_US]]
 *
 * Each round leaks a session of 64 bytes and, every tenth round, 1 KiB of a cache that is only ever
 * grown; buffers are freed again. ROUNDS 0: until it is told to end by SIGTERM.
 */
#include "truth.h"

#include <signal.h>

static volatile sig_atomic_t is_ended;

SITE struct block site_session(void)
{
	return block_malloc(__func__, 64);
}

SITE void site_cache(struct block *cache)
{
	block_realloc(__func__, cache, cache->size + 1024);
}

SITE struct block site_buffer(size_t size)
{
	return block_calloc(__func__, 1, size);
}

SITE void handle_request(uint64_t round, struct block *cache)
{
	struct block buffer = site_buffer(512 + round % 7);

	site_session();
	if (round % 10 == 0)
		site_cache(cache);
	block_free(&buffer);
}

static void end(int signal_number)
{
	(void)signal_number;
	is_ended = 1;
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	uint64_t rounds = truth_number(argc, argv, next, 2000);
	uint64_t pause_us = truth_number(argc, argv, next + 1, 0);
	struct block cache = { 0 };

	signal(SIGTERM, end);
	truth_go();
	for (uint64_t i = 0; (!rounds || i < rounds) && !is_ended; i++) {
		handle_request(i, &cache);
		if (pause_us)
			usleep(pause_us);
	}
	truth_end();
}
