/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that look random and are the same in every run (xorshift64, Marsaglia 2003). */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

struct random {
	uint64_t state; /* never 0 */
};

static inline uint64_t random_next(struct random *random)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return random->state;
}

/* 0..limit-1 */
static inline uint64_t random_below(struct random *random, uint64_t limit)
{
	return (random_next(random) >> 16) % limit;
}

#endif
