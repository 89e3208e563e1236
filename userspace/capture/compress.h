/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zstd frames, independent of each other, with caps on what a hostile one can cost. */
#ifndef HEAPTRAIL_CAPTURE_COMPRESS_H
#define HEAPTRAIL_CAPTURE_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

struct compressor;

/* One context for both directions. NULL: out of memory. */
struct compressor *compressor_new(void);
void compressor_free(struct compressor *compressor);

/* Bytes that compression of size bytes can need at most. */
size_t compress_bound(size_t size);

/* 0 and *out_size, or -ENOBUFS. */
int compress_pack(struct compressor *compressor, const void *in, size_t size, void *out,
		  size_t capacity, size_t *out_size);

/* The frame must yield exactly out_size bytes. 0 or -EBADMSG. */
int compress_unpack(struct compressor *compressor, const void *in, size_t size, void *out,
		    size_t out_size);

#endif
