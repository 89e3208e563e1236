// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/segments.h"

#include "audit/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *audit_segment_name(char name[static AUDIT_NAME_MAX], uint64_t segment)
{
	snprintf(name, AUDIT_NAME_MAX, "audit-%06" PRIu64 ".log", segment);
	return name;
}

/* 0: not the name of a segment's file */
static uint64_t number_of(const char *name)
{
	char again[AUDIT_NAME_MAX];
	uint64_t segment;

	if (sscanf(name, "audit-%" SCNu64 ".log", &segment) != 1)
		return 0;
	/* written in one way only */
	return strcmp(audit_segment_name(again, segment), name) == 0 ? segment : 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int audit_segments_list(int directory, uint64_t **segments, size_t *count)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int err = 0;

	*segments = NULL;
	*count = 0;
	if (!dir) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (!err && (entry = readdir(dir))) {
		uint64_t segment = number_of(entry->d_name);
		if (!segment)
			continue;
		uint64_t *more = realloc(*segments, (*count + 1) * sizeof(**segments));
		if (more) {
			more[(*count)++] = segment;
			*segments = more;
		} else {
			err = -ENOMEM;
		}
	}
	closedir(dir);
	if (*count)
		qsort(*segments, *count, sizeof(**segments), compare);
	return err;
}

uint64_t audit_segment_of(int fd)
{
	char line[128];
	ssize_t n = pread(fd, line, sizeof(line), 0);

	return n > 0 ? audit_record_segment(line, (size_t)n) : 0;
}
