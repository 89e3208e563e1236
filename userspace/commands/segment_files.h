/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a recording in segments: their names, and which of them stay. */
#ifndef HEAPTRAIL_COMMANDS_SEGMENT_FILES_H
#define HEAPTRAIL_COMMANDS_SEGMENT_FILES_H

#include "commands/output.h"
#include "commands/recording.h"

#include <stddef.h>

struct segment_files {
	size_t max;	 /* that stay; 0: all */
	unsigned opened; /* after the first */
	struct sealed_file {
		char *path;
		uint8_t id[16];
	} * sealed; /* those that are there, the oldest first */
	size_t count;
};

/* A file for the next segment, with room for its beginning. first: the series is named after it. */
int segment_files_open(struct segment_files *files, const struct output *first,
		       struct output *next);

/* This one is sealed. */
int segment_files_add(struct segment_files *files, const char *path, const uint8_t id[static 16]);

/* Deletes the oldest until, with the one that is written, no more than max are left. Each deletion
 * is on record before. */
int segment_files_trim(struct segment_files *files, struct recording *recording);

void segment_files_free(struct segment_files *files);

#endif
