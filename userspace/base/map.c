// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

static size_t home(const struct map *map, uint64_t key)
{
	return hash_u64(key) & (map->capacity - 1);
}

/* The slot that holds key, or the free slot where it would go. */
static struct map_slot *find(const struct map *map, uint64_t key)
{
	size_t i = home(map, key);

	while (map->slots[i].key && map->slots[i].key != key)
		i = (i + 1) & (map->capacity - 1);
	return &map->slots[i];
}

uint64_t *map_get(const struct map *map, uint64_t key)
{
	if (!map->slots)
		return NULL;
	struct map_slot *slot = find(map, key);
	return slot->key ? &slot->value : NULL;
}

static int grow(struct map *map)
{
	struct map grown = { .capacity = map->capacity ? map->capacity * 2 : 64,
			     .count = map->count };

	grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
	if (!grown.slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->slots[i].key)
			*find(&grown, map->slots[i].key) = map->slots[i];
	free(map->slots);
	*map = grown;
	return 0;
}

int map_put(struct map *map, uint64_t key, uint64_t value)
{
	if (map->count * 8 >= map->capacity * 5) {
		int err = grow(map);
		if (err)
			return err;
	}
	struct map_slot *slot = find(map, key);
	if (!slot->key) {
		slot->key = key;
		map->count++;
	}
	slot->value = value;
	return 0;
}

/* Closes the hole at i by moving back every later entry of the run that may not stay where it is.
 */
static void shift_back(struct map *map, size_t i)
{
	size_t mask = map->capacity - 1;

	for (size_t j = (i + 1) & mask; map->slots[j].key; j = (j + 1) & mask) {
		size_t distance = (j - home(map, map->slots[j].key)) & mask;
		if (distance >= ((j - i) & mask)) {
			map->slots[i] = map->slots[j];
			i = j;
		}
	}
	map->slots[i].key = 0;
}

int map_remove(struct map *map, uint64_t key, uint64_t *value)
{
	if (!map->slots)
		return 0;
	struct map_slot *slot = find(map, key);
	if (!slot->key)
		return 0;
	if (value)
		*value = slot->value;
	shift_back(map, (size_t)(slot - map->slots));
	map->count--;
	return 1;
}

void map_free(struct map *map)
{
	free(map->slots);
	*map = (struct map) { 0 };
}
