/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The consumer's side of a BPF ring buffer (kernel/bpf/ringbuf.c): records are copied out in bulk,
 * and the consumer position moves once per batch instead of once per record.
 */
#ifndef HEAPTRAIL_TRACING_RING_H
#define HEAPTRAIL_TRACING_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring;

/* size: of the map, in bytes. Maps it; the descriptor stays the caller's. 0 or -errno. */
int ring_open(int map_fd, size_t size, struct ring **ring);

/*
 * Copies whole records, without their ring headers, into data until the ring is empty or the next
 * one does not fit; returns the bytes copied. Records larger than capacity cannot be: capacity >=
 * 64 KiB.
 */
size_t ring_drain(struct ring *ring, uint8_t *data, size_t capacity);

void ring_close(struct ring *ring);

#endif
