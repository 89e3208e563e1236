// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct ring {
	volatile uint64_t *consumer; /* a page of its own */
	const uint64_t *producer;    /* a page, then the data twice in a row */
	const uint8_t *data;
	size_t page, size;
};

int ring_open(int map_fd, size_t size, struct ring **out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (consumer == MAP_FAILED) {
		int err = -errno;
		free(ring);
		return err;
	}
	void *producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (producer == MAP_FAILED) {
		int err = -errno;
		munmap(consumer, page);
		free(ring);
		return err;
	}
	ring->consumer = consumer;
	ring->producer = producer;
	ring->data = (const uint8_t *)producer + page;
	ring->page = page;
	ring->size = size;
	*out = ring;
	return 0;
}

size_t ring_drain(struct ring *ring, uint8_t *data, size_t capacity)
{
	uint64_t position = *ring->consumer;
	uint64_t end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	size_t used = 0;

	while (position < end) {
		const uint8_t *record = ring->data + (position & (ring->size - 1));
		uint32_t length = __atomic_load_n((const uint32_t *)record, __ATOMIC_ACQUIRE);
		if (length & BPF_RINGBUF_BUSY_BIT)
			break;
		size_t size = length & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		if (!(length & BPF_RINGBUF_DISCARD_BIT)) {
			if (size > capacity - used)
				break;
			memcpy(data + used, record + BPF_RINGBUF_HDR_SZ, size);
			used += size;
		}
		position += (size + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
	}
	__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
	return used;
}

void ring_close(struct ring *ring)
{
	if (!ring)
		return;
	munmap((void *)ring->consumer, ring->page);
	munmap((void *)ring->producer, ring->page + 2 * ring->size);
	free(ring);
}
