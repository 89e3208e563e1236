/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What addresses of one module are called. One address has several names where calls were inlined:
 * innermost first, the last one is the function that really is there. Strings are written once per
 * payload. The NAMES chunk is a module id (varint) followed by this payload; the symbolizer writes
 * only the payload.
 */
#ifndef HEAPTRAIL_CAPTURE_NAMES_H
#define HEAPTRAIL_CAPTURE_NAMES_H

#include "base/bytes.h"

#define NAMES_INLINE_MAX 64

struct name {
	const char *function; /* demangled; "" not known */
	const char *file;     /* "" not known */
	uint32_t line;	      /* 0 not known */
};

struct names_writer; /* collects strings and entries */
struct names_writer *names_writer_new(void);
/* names[0..count), count <= NAMES_INLINE_MAX; false: out of memory */
bool names_writer_add(struct names_writer *writer, uint64_t offset, const struct name *names,
		      size_t count);
/* Appends the payload to out. */
bool names_writer_finish(struct names_writer *writer, struct bytes_buffer *out);
void names_writer_free(struct names_writer *writer);

/* A payload, checked and indexed: memory in proportion to its size, lookups by offset. */
struct names;
int names_load(const void *payload, size_t size, struct names **names); /* 0, -EBADMSG, -ENOMEM */
/* 0 where the offset has no name; else how many, in found[]; strings live as long as names. */
size_t names_find(const struct names *names, uint64_t offset,
		  struct name found[static NAMES_INLINE_MAX]);
void names_free(struct names *names);

#endif
