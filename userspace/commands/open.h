/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opens a capture through the vault: what comes back is a socket to a reader, never a key. */
#ifndef HEAPTRAIL_COMMANDS_OPEN_H
#define HEAPTRAIL_COMMANDS_OPEN_H

#include "commands/opener.h"
#include "workers/start.h"

#include <jansson.h>
#include <stdbool.h>

struct opened_capture {
	const char *path; /* the caller's */
	int socket;	  /* questions and answers: base/frame.h */
	json_t *filter;	  /* that every question has (analysis/filter.h); the caller's, NULL:
			     everything */
	const char *read; /* how much of it, for every question; NULL: as is usual */
	struct worker_process vault;
	bool is_written;    /* it was being recorded, or so it seems, when it was opened */
	bool is_for_output; /* nothing is asked but to be printed */
};

/* A regular file, for reading. Prints what is wrong. An exit status and *fd. */
int open_file(const char *path, int *fd);

/* Does somebody have it open for writing? The kernel says it to its owner and to root. */
bool open_is_written(int fd);

/* What is to be opened, and how. */
struct open_request {
	const char *path, *state_directory;
	const char *operation; /* "view", "export" */
	const char *why;       /* the reason given, or "" */
	const struct opener *opener;
};

/* Prints what is wrong; an exit status. */
int open_capture(const struct open_request *request, struct opened_capture *capture);

/* Asks one question; prints an error that is answered. An exit status and a new reference. */
int opened_capture_ask(struct opened_capture *capture, const json_t *question, json_t **answer);

/* Waits until the closing is on record. */
void opened_capture_close(struct opened_capture *capture);

#endif
