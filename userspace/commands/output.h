/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of a new capture: nameless until its header is durable, then linked under its final
 * name, which must not exist. Errors are printed; functions return exit statuses.
 */
#ifndef HEAPTRAIL_COMMANDS_OUTPUT_H
#define HEAPTRAIL_COMMANDS_OUTPUT_H

#include <stdbool.h>

#include <limits.h>

struct output {
	char path[PATH_MAX];
	char directory[PATH_MAX];
	int fd;		   /* 0600 */
	bool is_for_group; /* 0640 */
};

#define OUTPUT_NONE      \
	{                \
		.fd = -1 \
	}

/* path NULL: STATE/captures/<time>-<comm>-<pid>.heaptrail, or <…>-2.heaptrail where that is taken;
 * its directory made 0700. */
int output_open(struct output *output, const char *path, const char *state_directory,
		const char *comm, int pid);

/* The file of the n-th segment after the first: <name>.<n>.heaptrail. */
int output_open_segment(struct output *output, const struct output *first, unsigned n);

/* Gives it its name. EXIT_FAILED where the name is taken: nothing is overwritten. */
int output_publish(struct output *output);

void output_close(struct output *output);

#endif
