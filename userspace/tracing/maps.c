// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/*
 * One line: "start-end perms offset major:minor inode   path". 1: kept, 0: of no interest,
 * -EBADMSG. Format: proc_pid_maps(5).
 */
static int parse_line(const char *line, struct mapping *mapping)
{
	unsigned int major, minor;
	char permissions[5] = "";
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
		   &mapping->start, &mapping->end, permissions, &mapping->file_offset, &major,
		   &minor, &mapping->inode, &path) != 7 ||
	    mapping->start >= mapping->end)
		return -EBADMSG;
	if (permissions[2] != 'x' || mapping->inode == 0)
		return 0;
	mapping->device = makedev(major, minor);
	mapping->module = 0;
	mapping->path = strdup(line + path);
	return mapping->path ? 1 : -ENOMEM;
}

static int insert(struct maps *maps, size_t i, const struct mapping *mapping)
{
	if (maps->count == MAPS_MAX)
		return -EFBIG;
	if ((maps->count & (maps->count - 1)) == 0) {
		size_t capacity = maps->count ? maps->count * 2 : 16;
		struct mapping *grown = realloc(maps->items, capacity * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		maps->items = grown;
	}
	memmove(&maps->items[i + 1], &maps->items[i], (maps->count++ - i) * sizeof(*mapping));
	maps->items[i] = *mapping;
	return 0;
}

int maps_parse(const char *text, size_t size, struct maps *maps)
{
	char *copy = strndup(text, size), *rest = copy;
	int err = copy ? 0 : -ENOMEM;

	*maps = (struct maps) { 0 };
	for (char *line; !err && (line = strsep(&rest, "\n"));) {
		struct mapping mapping;
		if (!*line)
			continue;
		int kept = parse_line(line, &mapping);
		if (kept < 0)
			err = kept;
		if (kept <= 0)
			continue;
		/* the kernel lists them in order; what is not in order was not written by it */
		if (maps->count && mapping.start < maps->items[maps->count - 1].end)
			err = -EBADMSG;
		else
			err = insert(maps, maps->count, &mapping);
		if (err)
			free(mapping.path);
	}
	free(copy);
	if (err)
		maps_free(maps);
	return err;
}

struct mapping *maps_find(const struct maps *maps, uint64_t address)
{
	size_t low = 0, high = maps->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (maps->items[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < maps->count && maps->items[low].start <= address)
		return &maps->items[low];
	return NULL;
}

/* Takes [start, end) out of item *i, which reaches into it. *i is then the first item that may lie
 * behind start. */
static int cut_hole(struct maps *maps, size_t *i, uint64_t start, uint64_t end)
{
	struct mapping *old = &maps->items[*i], rest = *old;

	if (old->start < start && old->end > end) {
		rest.path = strdup(old->path);
		if (!rest.path)
			return -ENOMEM;
		rest.file_offset += end - old->start;
		rest.start = end;
		old->end = start;
		int err = insert(maps, ++*i, &rest);
		if (err)
			free(rest.path);
		return err;
	}
	if (old->start < start) {
		old->end = start;
		++*i;
	} else if (old->end > end) {
		old->file_offset += end - old->start;
		old->start = end;
	} else {
		free(old->path);
		memmove(old, old + 1, (--maps->count - *i) * sizeof(*old));
	}
	return 0;
}

int maps_put(struct maps *maps, const struct mapping *mapping)
{
	size_t i = 0;
	int err = 0;

	while (i < maps->count && maps->items[i].end <= mapping->start)
		i++;
	while (!err && i < maps->count && maps->items[i].start < mapping->end)
		err = cut_hole(maps, &i, mapping->start, mapping->end);
	if (!err && mapping->inode)
		err = insert(maps, i, mapping);
	if (err || !mapping->inode)
		free(mapping->path);
	return err;
}

void maps_free(struct maps *maps)
{
	for (size_t i = 0; i < maps->count; i++)
		free(maps->items[i].path);
	free(maps->items);
	*maps = (struct maps) { 0 };
}
