/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Little-endian bytes in and out, with bounds.
 *
 * A bytes_reader walks outside bytes: every get checks what is left; the first get that does not
 * fit sets `failed`, and from then on every get yields 0. So a parser may read a whole record and
 * test once. A bytes_buffer grows; a failed allocation sets `failed` and later puts do nothing.
 * Varints are LEB128, at most 10 bytes; signed ones are zigzag-mapped first.
 */
#ifndef HEAPTRAIL_BASE_BYTES_H
#define HEAPTRAIL_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bytes_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

/* data may be NULL where there are no bytes: then it is somewhere else, as not even 0 may be added
 * to NULL. */
static inline struct bytes_reader bytes_reader_on(const void *data, size_t size)
{
	const uint8_t *at = data ? data : (const uint8_t *)"";

	return (struct bytes_reader) { .at = at, .end = at + size };
}

static inline size_t bytes_left(const struct bytes_reader *r)
{
	return (size_t)(r->end - r->at);
}

/* A view of the next size bytes, or NULL. */
static inline const uint8_t *bytes_get(struct bytes_reader *r, size_t size)
{
	if (r->failed || size > bytes_left(r)) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = r->at;
	r->at += size;
	return p;
}

static inline uint64_t bytes_get_le(struct bytes_reader *r, unsigned int size)
{
	const uint8_t *p = bytes_get(r, size);
	uint64_t v = 0;

	for (unsigned int i = 0; p && i < size; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint8_t bytes_get_u8(struct bytes_reader *r)
{
	return (uint8_t)bytes_get_le(r, 1);
}

static inline uint16_t bytes_get_u16(struct bytes_reader *r)
{
	return (uint16_t)bytes_get_le(r, 2);
}

static inline uint32_t bytes_get_u32(struct bytes_reader *r)
{
	return (uint32_t)bytes_get_le(r, 4);
}

static inline uint64_t bytes_get_u64(struct bytes_reader *r)
{
	return bytes_get_le(r, 8);
}

static inline uint64_t bytes_get_varint(struct bytes_reader *r)
{
	uint64_t v = 0;

	for (unsigned int shift = 0; shift < 70; shift += 7) {
		if (r->failed || r->at == r->end)
			break;
		uint8_t byte = *r->at++;
		if (shift == 63 && byte > 1)
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	r->failed = true;
	return 0;
}

/* 0, -1, 1, -2 … as 0, 1, 2, 3 …, and back. */
static inline uint64_t bytes_zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t bytes_unzigzag(uint64_t v)
{
	return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

static inline int64_t bytes_get_signed(struct bytes_reader *r)
{
	return bytes_unzigzag(bytes_get_varint(r));
}

/* A length-prefixed string as a fresh, terminated copy; NULL when it does not fit or is over max.
 */
static inline char *bytes_get_string(struct bytes_reader *r, size_t max)
{
	uint64_t size = bytes_get_varint(r);
	if (r->failed || size > max) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *p = bytes_get(r, (size_t)size);
	return p ? strndup((const char *)p, (size_t)size) : NULL;
}

struct bytes_buffer {
	uint8_t *data;
	size_t size;
	size_t capacity;
	bool failed;
};

/* Room for size more bytes at data + size, not yet counted; false: out of memory. */
static inline bool bytes_reserve(struct bytes_buffer *b, size_t size)
{
	if (b->failed)
		return false;
	if (size <= b->capacity - b->size)
		return true;
	size_t capacity = b->capacity ? b->capacity * 2 : 256;
	while (capacity - b->size < size)
		capacity *= 2;
	uint8_t *data = realloc(b->data, capacity);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->capacity = capacity;
	return true;
}

static inline void bytes_put(struct bytes_buffer *b, const void *data, size_t size)
{
	if (size && bytes_reserve(b, size)) {
		memcpy(b->data + b->size, data, size);
		b->size += size;
	}
}

static inline void bytes_put_le(struct bytes_buffer *b, uint64_t value, unsigned int size)
{
	if (!bytes_reserve(b, size))
		return;
	for (unsigned int i = 0; i < size; i++)
		b->data[b->size++] = (uint8_t)(value >> (8 * i));
}

static inline void bytes_put_varint(struct bytes_buffer *b, uint64_t value)
{
	if (!bytes_reserve(b, 10))
		return;
	while (value >= 0x80) {
		b->data[b->size++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	b->data[b->size++] = (uint8_t)value;
}

static inline void bytes_put_signed(struct bytes_buffer *b, int64_t value)
{
	bytes_put_varint(b, bytes_zigzag(value));
}

/* A varint length, then the bytes, no terminator. NULL is the empty string. */
static inline void bytes_put_string(struct bytes_buffer *b, const char *string)
{
	size_t size = string ? strlen(string) : 0;

	bytes_put_varint(b, size);
	bytes_put(b, string, size);
}

static inline void bytes_free(struct bytes_buffer *b)
{
	free(b->data);
	*b = (struct bytes_buffer) { 0 };
}

/* Into memory that has room for it. Returns where it ends. */
static inline uint8_t *bytes_store_u64(uint8_t *at, uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

#endif
