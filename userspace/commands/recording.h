/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The workers of one recording, wired together: vault, resolver, symbolizer, writer, tracer. Every
 * function prints what went wrong and returns an exit status.
 */
#ifndef HEAPTRAIL_COMMANDS_RECORDING_H
#define HEAPTRAIL_COMMANDS_RECORDING_H

#include "base/message.h"
#include "commands/age_program.h"
#include "keys/recipient.h"
#include "workers/protocol.h"
#include "workers/start.h"

#include <stdbool.h>

/* When a segment is full; 0: never. */
struct segments {
	uint64_t bytes_max, age_max_ns;
};

struct recording {
	struct worker_process vault, resolver, symbolizer, writer, tracer;
	struct worker_process census; /* runs where one is taken */
	int spares;		      /* where the tracer asks for other helpers; -1: nowhere */
	unsigned spare_count;	      /* that it was given, one soon after the other */
	uint64_t spare_ns;	      /* when it asked for the last */
	char plugins[WRITER_RECIPIENTS_MAX][RECIPIENT_TEXT_MAX]; /* recipients that need one */
	size_t plugin_count;
	struct age_program programs[WRITER_RECIPIENTS_MAX]; /* that wrap for them, meanwhile */
	int counters;	      /* the kernel's, for the writer; -1: none */
	uint32_t cpu_count;   /* of these */
	const char *services; /* the folder of their sockets; NULL: workers are children */
	int client;	      /* for whom a service records; -1: for its starter */
	bool has_others;      /* the client may record other users' processes */
	bool is_dry_run;
	bool is_tracer_done; /* it has said so */
	char mode[32];
	uint32_t found_functions; /* bit i: function i was found in a target */
	void (*on_site)(const struct tracer_site *site); /* for each site found; may be NULL */
	bool passes_over_gone; /* a target that is gone is not told of, as nobody meant that one */
};

#define RECORDING_NONE                                                                      \
	{                                                                                   \
		.vault = WORKER_PROCESS_NONE, .resolver = WORKER_PROCESS_NONE,              \
		.symbolizer = WORKER_PROCESS_NONE, .writer = WORKER_PROCESS_NONE,           \
		.tracer = WORKER_PROCESS_NONE, .census = WORKER_PROCESS_NONE, .spares = -1, \
		.counters = -1, .client = -1                                                \
	}

/*
 * Starts resolver, symbolizer and tracer; functions: options->function_count of them; stream: the
 * pipe's end for the tracer (-1 in a dry run); cache_directory: NULL for none.
 */
int recording_start_tracer(struct recording *recording, struct tracer_start *options,
			   const struct user_function *functions, int stream,
			   const char *cache_directory);

/* Where there is a client: asks the vault whether, and whom, it may record. */
int recording_ask_leave(struct recording *recording, const char *state_directory);

/*
 * Starts vault and writer for an open, empty file: afterwards the capture's header is durable and
 * its start on record. stream: the pipe's end for the writer.
 */
int recording_start_writer(struct recording *recording, const char *state_directory,
			   const struct segments *segments,
			   const char (*recipients)[RECIPIENT_TEXT_MAX], size_t count, int file,
			   int stream);

/* The segment is full: another begins in this empty file once all that is in it has names. */
int recording_begin_segment(struct recording *recording, int file);

/* After the end of the segment before is on record: the header of the next one is durable and its
 * start on record. */
int recording_certify_segment(struct recording *recording);

/* That this segment of the series, an open file, will be deleted, goes on record. */
int recording_note_deletion(struct recording *recording, int file);

/* A new target, or its mappings again, and how many functions of allocators it has mapped.
 * EXIT_TARGET: it is gone. */
int recording_add_target(struct recording *recording, const struct tracer_target *target, int pidfd,
			 uint32_t *site_count);

/* One that is met while recording: its scan is told like other news. */
int recording_offer_target(struct recording *recording, const struct tracer_target *target,
			   int pidfd);

/* Looks whether workers stand still; about once a second while nothing else watches over them. */
void recording_look(struct recording *recording);

/* Something has come on spares: the tracer lacks a helper, and gets another, or is gone. */
void recording_send_spare(struct recording *recording);

/* Probes are live on return. */
int recording_attach(struct recording *recording);

/* What a target's allocator holds, for the capture. */
int recording_note_census(struct recording *recording, uint32_t pid, enum census_moment moment,
			  const struct census *census);

/* Detaches; the capture is sealed when the writer says so. */
/* How much memory a process has at this moment. */
int recording_note_memory(struct recording *recording, const struct memory_seen *seen);

int recording_stop(struct recording *recording, const char *reason);

/* The capture's end goes on record. */
int recording_note_end(struct recording *recording, const struct vault_finished *end);

/* Ends every worker that runs. */
void recording_finish(struct recording *recording);

#endif
