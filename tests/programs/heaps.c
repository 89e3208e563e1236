// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A heap of known shape: heaps [-g FIFO] [-o FILE] INFO
 *
 * Fills arenas and the caches of threads, frees much of it, writes malloc_info(3) to INFO and
 * stands still until it is told to go; then frees the half of what was there before, and allocates
 * more.
 */
#include "truth.h"

#include <malloc.h>
#include <pthread.h>

#define THREADS	   4
#define BLOCKS	   20000
#define LARGE	   8
#define AFTERWARDS 500

static void *kept[THREADS + 1][BLOCKS];
static void *large[LARGE];
static pthread_barrier_t filled, over;

/* Sizes of all bins; two of three are freed in an order that leaves holes. */
static void fill(void **blocks)
{
	for (unsigned i = 0; i < BLOCKS; i++)
		blocks[i] = malloc(8 + (i * 2654435761u >> 8) % (i % 50 ? 900 : 20000));
	for (unsigned i = 0; i < BLOCKS; i++)
		if (i % 3) {
			free(blocks[i]);
			blocks[i] = NULL;
		}
	/* left in fastbins once the thread's cache is full */
	for (unsigned i = 0; i < 60; i += 2) {
		free(blocks[3 * i]);
		blocks[3 * i] = NULL;
	}
}

static void *run(void *blocks)
{
	fill(blocks);
	pthread_barrier_wait(&filled);
	pthread_barrier_wait(&over);
	return NULL;
}

SITE struct block site_afterwards(size_t size)
{
	return block_malloc(__func__, size);
}

int main(int argc, char **argv)
{
	static struct block blocks[AFTERWARDS];
	static char buffer[65536];
	pthread_t threads[THREADS];
	int first = truth_arguments(argc, argv);
	FILE *info = fopen(argv[first], "w");

	if (!info)
		return 1;
	setvbuf(info, buffer, _IOFBF, sizeof(buffer));
	pthread_barrier_init(&filled, NULL, THREADS + 1);
	pthread_barrier_init(&over, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, run, kept[i + 1]);
	fill(kept[0]);
	for (int i = 0; i < LARGE; i++)
		large[i] = malloc(400000 + 100000 * (size_t)i);
	free(large[0]);
	pthread_barrier_wait(&filled);
	malloc_info(0, info);
	fflush(info);
	truth_go();
	for (unsigned i = 0; i < BLOCKS; i += 2)
		if (kept[0][i]) {
			free(kept[0][i]);
			truth_unknown++;
		}
	for (int i = 0; i < AFTERWARDS; i++)
		blocks[i] = site_afterwards(1000);
	(void)blocks;
	truth_end();
}
