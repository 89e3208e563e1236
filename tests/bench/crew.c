// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crew [THREADS [ROUNDS [wait]]]: threads that malloc, calloc, realloc and free under 20 to 40
 * frames, and free what others allocated. Prints how many such calls it made. With `wait`, begins
 * when a line comes on standard input.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define SHARED_SLOTS 1024
#define THREADS_MAX  64

static _Atomic(void *) shared[SHARED_SLOTS];
static unsigned long rounds = 250000;

struct member {
	uint64_t random;
	unsigned long calls;
};

static uint64_t next(struct member *member)
{
	member->random ^= member->random << 13;
	member->random ^= member->random >> 7;
	return member->random ^= member->random << 17;
}

/* One block of its own, by one of three ways; what lay in a shared place is freed, whoever's it
 * was.
 */
__attribute__((noinline)) static void work(struct member *member)
{
	uint64_t random = next(member);
	size_t size = 16 + random % 500;
	void *block;

	switch (random >> 32 & 3) {
	case 0: block = calloc(1, size); break;
	case 1:
		block = malloc(size);
		block = realloc(block, size * 2);
		member->calls++;
		break;
	default: block = malloc(size);
	}
	block = atomic_exchange(&shared[random >> 40 & (SHARED_SLOTS - 1)], block);
	member->calls++;
	if (block) {
		free(block);
		member->calls++;
	}
}

__attribute__((noinline)) static void even(struct member *member, unsigned int depth);
__attribute__((noinline)) static void odd(struct member *member, unsigned int depth)
{
	if (depth)
		even(member, depth - 1);
	else
		work(member);
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static void even(struct member *member, unsigned int depth)
{
	volatile char local[96];

	local[depth] = 0;
	if (depth)
		odd(member, depth - 1);
	else
		work(member);
	__asm__ volatile("" ::: "memory");
}

static void *run(void *argument)
{
	struct member *member = argument;

	for (unsigned long i = 0; i < rounds; i++)
		even(member, 16 + next(member) % 20);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct member members[THREADS_MAX];
	unsigned int count = argc > 1 ? (unsigned int)atoi(argv[1]) : 4;
	pthread_t threads[THREADS_MAX];
	unsigned long calls = 0;

	if (argc > 2)
		rounds = strtoul(argv[2], NULL, 10);
	if (!count || count > THREADS_MAX)
		return 2;
	if (argc > 3)
		getchar();
	for (unsigned int i = 0; i < count; i++) {
		members[i].random = 88172645463325252ULL + i * 7919;
		if (pthread_create(&threads[i], NULL, run, &members[i]))
			return 1;
	}
	for (unsigned int i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		calls += members[i].calls;
	}
	printf("%lu\n", calls);
	return 0;
}
