/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The events of a server, the same ones each time: most blocks are small and soon freed, a few
 * stay, sizes follow their stacks, eight threads take turns.
 */
#ifndef HEAPTRAIL_TESTS_BENCH_SERVER_H
#define HEAPTRAIL_TESTS_BENCH_SERVER_H

#include "base/map.h"
#include "capture/events.h"

#define SERVER_LIVE_MAX (1u << 20)
#define SERVER_THREADS	8

/* Of zeros at first. */
struct server {
	struct {
		uint64_t address;
		uint32_t stack, thread;
	} live[SERVER_LIVE_MAX];
	uint32_t count;
	uint64_t free_addresses[4096][16]; /* by size class, as an allocator gives them out again */
	uint8_t free_counts[4096];
	uint64_t used; /* bytes of its heap */
	uint64_t time_ns;
	uint64_t seed;
};

/* xorshift64 */
static inline uint64_t server_random(struct server *server)
{
	uint64_t x = server->seed ? server->seed : 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return server->seed = x;
}

static inline uint64_t server_size_of(uint32_t stack)
{
	return 16 + hash_u64(stack) % 1000;
}

static inline uint64_t server_take(struct server *server, uint64_t size)
{
	size_t class = size / 16 & 4095;

	if (server->free_counts[class])
		return server->free_addresses[class][--server->free_counts[class]];
	server->used += (size + 31) & ~15ull;
	return 0x550000000000 + server->used;
}

static inline void server_give(struct server *server, uint64_t address, uint64_t size)
{
	size_t class = size / 16 & 4095;

	if (server->free_counts[class] < 16)
		server->free_addresses[class][server->free_counts[class]++] = address;
}

/* The next event, of one of so many stacks. */
static inline void server_event(struct server *server, uint32_t stacks, struct capture_event *event)
{
	uint64_t random = server_random(server);
	bool is_free = server->count && (server->count == SERVER_LIVE_MAX || random % 1000 < 495);

	server->time_ns += 200 + random % 700;
	*event = (struct capture_event) { .time_ns = server->time_ns,
					  .thread = 1 + (uint32_t)(random >> 20) % SERVER_THREADS };
	if (is_free) {
		/* young ones die first */
		uint32_t span = server->count < 64 ? server->count : 64;
		uint32_t i = server->count - 1 -
			     (uint32_t)(random >> 32) % (random % 16 ? span : server->count);
		event->kind = CAPTURE_FREE;
		event->function = 1;
		event->address = server->live[i].address;
		event->thread = server->live[i].thread;
		server_give(server, event->address, server_size_of(server->live[i].stack));
		server->live[i] = server->live[--server->count];
		return;
	}
	/* few stacks do most */
	event->stack = 1 + (uint32_t)(random >> 24) %
				   (random % 8 ? (stacks < 200 ? stacks : 200) : stacks);
	event->kind = CAPTURE_ALLOC;
	event->size = server_size_of(event->stack);
	event->address = server_take(server, event->size);
	server->live[server->count].address = event->address;
	server->live[server->count].stack = event->stack;
	server->live[server->count++].thread = event->thread;
}

#endif
