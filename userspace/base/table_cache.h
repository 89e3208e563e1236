/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the symbolizer found in files, kept for the next recording: one file, to which entries are
 * appended and that begins anew when it is full.
 *
 * The recorder, who may open it, opens and locks it; the tracer, who may open nothing, reads and
 * writes it by its descriptor. An entry is an answer as the symbolizer gave it, and whoever uses it
 * checks it as one: the checksum is against torn writes, not against enemies.
 */
#ifndef HEAPTRAIL_BASE_TABLE_CACHE_H
#define HEAPTRAIL_BASE_TABLE_CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define TABLE_CACHE_BYTES_MAX (64u << 20) /* a whole system's are 12 MB */

struct table_cache;

/*
 * Opens the cache in a directory, which is made where it is not there. Nobody but the caller may be
 * able to write either. Entries that another compiler (its executable) made are dropped. The
 * descriptor, locked, or -errno: -EWOULDBLOCK: another recorder has it; -EPERM: others may write
 * it.
 */
int table_cache_prepare(const char *directory, const struct stat *compiler);

/* Takes over the descriptor, and cuts off what was not written whole. 0 or -errno. */
int table_cache_open(int fd, struct table_cache **cache);

/*
 * The answer of a kind about this very content of a file, in one allocation that the caller frees.
 * -ENOENT: there is none; -EBADMSG: it was damaged.
 */
int table_cache_get(const struct table_cache *cache, uint32_t kind, const struct stat *file,
		    void **bytes, size_t *size);

/*
 * Keeps an answer; file: as it was before it was read. -EAGAIN: it was changed so lately that
 * another change could have the same time.
 */
int table_cache_put(struct table_cache *cache, uint32_t kind, const struct stat *file,
		    const void *bytes, size_t size);

void table_cache_close(struct table_cache *cache);

#endif
