/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a log: audit.log, which is written, and before it audit-000001.log and so on, by
 * segment. */
#ifndef HEAPTRAIL_AUDIT_SEGMENTS_H
#define HEAPTRAIL_AUDIT_SEGMENTS_H

#include <stddef.h>
#include <stdint.h>

#define AUDIT_FILE_NAME	  "audit.log"
#define AUDIT_NAME_MAX	  40
#define AUDIT_SEGMENT_MAX (16 << 20) /* bytes of a file; then the next begins */

/* The name of a segment's file once the next has begun. Returns name. */
char *audit_segment_name(char name[static AUDIT_NAME_MAX], uint64_t segment);

/*
 * Numbers of the segments in the directory whose next has begun, in rising order, in an array that
 * the caller frees. 0 or -errno.
 */
int audit_segments_list(int directory, uint64_t **segments, size_t *count);

/* The segment that the file's first line says it belongs to; 0: none. */
uint64_t audit_segment_of(int fd);

#endif
