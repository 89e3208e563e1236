/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hash map from a non-zero 64-bit key to a 64-bit value: open addressing, linear probing,
 * deletion by shifting back, so that it never fills with tombstones. Grows at 5/8 load, 16 bytes a
 * slot.
 */
#ifndef HEAPTRAIL_BASE_MAP_H
#define HEAPTRAIL_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t key; /* 0: free */
	uint64_t value;
};

struct map {
	struct map_slot *slots; /* NULL until the first map_put */
	size_t capacity;	/* a power of two */
	size_t count;
};

/* The value's place, valid until the next put or remove; NULL where there is none. */
uint64_t *map_get(const struct map *map, uint64_t key);

/* Inserts or replaces. 0 or -ENOMEM. */
int map_put(struct map *map, uint64_t key, uint64_t value);

/* True where the key was there; *value then holds what it was. value may be NULL. */
int map_remove(struct map *map, uint64_t key, uint64_t *value);

void map_free(struct map *map);

/* The finalizer of splitmix64: a bijection, so that distinct keys stay distinct. */
static inline uint64_t hash_u64(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

#endif
