// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/table_cache.h"

#include "base/io.h"
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define MAGIC	    0x3143544854485548 /* "HUHTHTC1" */
#define SETTLED_NS  2000000000	       /* no clock of a file system is coarser */
#define ENTRIES_MAX 65536
#define NANOSECONDS 1000000000

/* Which content of which file. */
struct identity {
	uint64_t device, inode, size;
	int64_t changed_ns, modified_ns;
};

struct file_header {
	uint64_t magic;
	struct identity compiler;
};

struct entry_header {
	struct identity file;
	uint64_t size; /* of the answer, which follows */
	uint64_t checksum;
	uint32_t kind;
	uint32_t reserved;
};

struct table_cache {
	int fd;
	uint64_t end;	   /* the next entry goes here */
	struct map places; /* hash of kind and identity -> offset of the last such entry */
};

static struct identity identify(const struct stat *file)
{
	return (struct identity) {
		.device = file->st_dev,
		.inode = file->st_ino,
		.size = (uint64_t)file->st_size,
		.changed_ns = file->st_ctim.tv_sec * NANOSECONDS + file->st_ctim.tv_nsec,
		.modified_ns = file->st_mtim.tv_sec * NANOSECONDS + file->st_mtim.tv_nsec,
	};
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
	uint64_t word;

	for (size_t at = 0; at < size; at += sizeof(word)) {
		word = 0;
		memcpy(&word, (const uint8_t *)bytes + at, size - at < 8 ? size - at : 8);
		hash = hash_u64(hash ^ word) + size;
	}
	return hash;
}

static uint64_t place_key(const struct identity *file, uint32_t kind)
{
	uint64_t key = hash_bytes(kind, file, sizeof(*file));

	return key ? key : 1;
}

/* Of the answer and of what it is the answer to. */
static uint64_t checksum(const struct entry_header *header, const void *bytes)
{
	uint64_t hash = place_key(&header->file, header->kind);

	return hash_bytes(hash, bytes, header->size);
}

static bool is_ours_alone(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static int open_in(int directory, struct stat *st)
{
	int fd = openat(directory, "tables", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int err = fstat(fd, st) ? -errno : 0;
	if (!err && (!S_ISREG(st->st_mode) || st->st_nlink != 1 || !is_ours_alone(st)))
		err = -EPERM;
	if (!err && flock(fd, LOCK_EX | LOCK_NB))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int begin_anew(int fd, const struct identity *compiler)
{
	struct file_header header = { .magic = MAGIC, .compiler = *compiler };

	if (ftruncate(fd, 0))
		return -errno;
	return io_pwrite(fd, &header, sizeof(header), 0);
}

int table_cache_prepare(const char *path, const struct stat *compiler)
{
	struct identity wanted = identify(compiler);
	struct file_header header;
	struct stat st;
	int fd = -1, err = 0;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0 || fstat(directory, &st))
		err = -errno;
	else if (!is_ours_alone(&st))
		err = -EPERM;
	else if ((fd = open_in(directory, &st)) < 0)
		err = fd;
	io_close(&directory);
	if (err)
		return err;
	if (io_pread(fd, &header, sizeof(header), 0) || header.magic != MAGIC ||
	    memcmp(&header.compiler, &wanted, sizeof(wanted)) != 0)
		err = begin_anew(fd, &wanted);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static uint64_t entry_bytes(uint64_t size)
{
	return sizeof(struct entry_header) + ((size + 7) & ~7ULL);
}

/* Finds the entries; the file ends with the last whole one. */
static int index_entries(struct table_cache *cache)
{
	struct entry_header header;
	struct stat st;

	if (fstat(cache->fd, &st))
		return -errno;
	if (st.st_size < (off_t)sizeof(struct file_header))
		return -EBADMSG;
	uint64_t end = (uint64_t)st.st_size;
	cache->end = sizeof(struct file_header);
	while (end - cache->end >= sizeof(header) && cache->places.count < ENTRIES_MAX) {
		if (io_pread(cache->fd, &header, sizeof(header), (off_t)cache->end) ||
		    header.size > TABLE_CACHE_BYTES_MAX ||
		    entry_bytes(header.size) > end - cache->end)
			break;
		if (map_put(&cache->places, place_key(&header.file, header.kind), cache->end))
			return -ENOMEM;
		cache->end += entry_bytes(header.size);
	}
	return ftruncate(cache->fd, (off_t)cache->end) ? -errno : 0;
}

int table_cache_open(int fd, struct table_cache **out)
{
	struct table_cache *cache = calloc(1, sizeof(*cache));
	int err = cache ? 0 : -ENOMEM;

	if (err) {
		close(fd);
		return err;
	}
	cache->fd = fd;
	err = index_entries(cache);
	if (err)
		table_cache_close(cache);
	else
		*out = cache;
	return err;
}

int table_cache_get(const struct table_cache *cache, uint32_t kind, const struct stat *file,
		    void **bytes, size_t *size)
{
	struct identity wanted = identify(file);
	const uint64_t *place = map_get(&cache->places, place_key(&wanted, kind));
	struct entry_header header;

	if (!place)
		return -ENOENT;
	int err = io_pread(cache->fd, &header, sizeof(header), (off_t)*place);
	if (err)
		return err;
	if (header.kind != kind || memcmp(&header.file, &wanted, sizeof(wanted)) != 0 ||
	    header.size > TABLE_CACHE_BYTES_MAX)
		return -ENOENT;
	void *found = malloc(header.size + 1);
	if (!found)
		return -ENOMEM;
	err = io_pread(cache->fd, found, header.size, (off_t)(*place + sizeof(header)));
	if (!err && checksum(&header, found) != header.checksum)
		err = -EBADMSG;
	if (err) {
		free(found);
		return err;
	}
	*bytes = found;
	*size = header.size;
	return 0;
}

static bool is_settled(const struct identity *file)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NANOSECONDS + now.tv_nsec - file->changed_ns > SETTLED_NS;
}

/* Whatever is asked for first is in it first again. */
static int make_room(struct table_cache *cache, uint64_t bytes)
{
	if (cache->end + bytes <= TABLE_CACHE_BYTES_MAX && cache->places.count < ENTRIES_MAX)
		return 0;
	map_free(&cache->places);
	cache->places = (struct map) { 0 };
	cache->end = sizeof(struct file_header);
	return ftruncate(cache->fd, (off_t)cache->end) ? -errno : 0;
}

int table_cache_put(struct table_cache *cache, uint32_t kind, const struct stat *file,
		    const void *bytes, size_t size)
{
	struct entry_header header = { .file = identify(file), .kind = kind, .size = size };
	uint64_t whole = entry_bytes(size);

	if (!is_settled(&header.file))
		return -EAGAIN;
	if (size > TABLE_CACHE_BYTES_MAX / 4)
		return -EFBIG;
	header.checksum = checksum(&header, bytes);
	int err = make_room(cache, whole);
	uint8_t *entry = err ? NULL : calloc(1, whole);
	if (!entry)
		return err ? err : -ENOMEM;
	memcpy(entry, &header, sizeof(header));
	memcpy(entry + sizeof(header), bytes, size);
	err = io_pwrite(cache->fd, entry, whole, (off_t)cache->end);
	free(entry);
	if (!err)
		err = map_put(&cache->places, place_key(&header.file, kind), cache->end);
	if (!err)
		cache->end += whole;
	return err;
}

void table_cache_close(struct table_cache *cache)
{
	if (!cache)
		return;
	io_close(&cache->fd);
	map_free(&cache->places);
	free(cache);
}
