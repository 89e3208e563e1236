/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of `heaptrail record` share. Functions print what is wrong; those that return an
 * int return an exit status.
 */
#ifndef HEAPTRAIL_COMMANDS_RECORD_PARTS_H
#define HEAPTRAIL_COMMANDS_RECORD_PARTS_H

#include "commands/launch.h"
#include "commands/output.h"
#include "commands/record_options.h"
#include "commands/recording.h"
#include "commands/segment_files.h"

#include <stdbool.h>
#include <stdint.h>

#define CENSUS_TARGETS_MAX 64 /* a census of more would take too long */

struct record {
	struct record_options options;
	struct recording recording;
	struct output first, output; /* the first segment's, that of the one that is written */
	struct output next;	     /* where that is full */
	struct segment_files files;
	struct launch launch;
	int signals, timer;
	uint32_t command_pid; /* that a client has begun */
	uid_t client_uid;
	pid_t client_pid;
	int looks;	       /* timer: it is time to look whether workers live */
	int samples;	       /* timer: it is time to look at the targets' memory */
	uint64_t live_ns;      /* since when (CLOCK_MONOTONIC) */
	unsigned silent_looks; /* since the writer was heard */
	bool is_vault_gone;
	bool has_ended[CENSUS_TARGETS_MAX]; /* the process: by the place in options.pids */
	const char *stop_reason;	    /* NULL: still recording */
	bool is_live;			    /* the capture has its name, probes are attached */
	bool is_sealed;
	bool was_interrupted;
	struct writer_progress progress;
	struct writer_done done;      /* of the segment that was sealed last */
	uint64_t events, lost, bytes; /* of all sealed segments */
	int next_status;	      /* why no other segment could begin */
	uint32_t missed;	      /* processes that began, and were not looked at */
	uint32_t noted;		      /* modules of which something is missing */
	bool was_traced;	      /* a debugger or the like held a target */
};

#define RECORD_NONE                                                                     \
	{                                                                               \
		.recording = RECORDING_NONE, .output = OUTPUT_NONE, .next = OUTPUT_NONE \
	}

/* All of it, as record.options say; the same with record.recording.client's ^C. */
int record_perform(struct record *record);

/* --- record_client.c --- */

/* By the recording service, where there is one; without root. */
int record_by_service(const struct record_options *options, int argc, char **argv);

/* --- record_service.c --- */

/* The service's end of launch_run(). */
int record_follow_client(struct record *record, int (*scan)(void *context, pid_t pid));

/* The client says something, or is gone. *times: how often it has said stop. */
void record_hear_client(struct record *record, unsigned *times);

/* May the client have it recorded? */
bool record_is_permitted(const struct record *record, uint32_t pid);

/* --- record_targets.c --- */

/* Are targets meant by what they are, rather than by their pids? */
bool record_is_selected(const struct record_options *options);

/* The pids that an option means. Of those some may be gone before they are looked at. */
int record_select_targets(struct record_options *options);

/* What /proc says of a process; empty texts where it is gone. */
void record_describe(uint32_t pid, struct tracer_target *target);

/* *site_count: how many functions of allocators it has mapped. */
int record_add_pid(struct record *record, uint32_t pid, uint32_t *site_count);

/* Every target must be there; one without a known allocator is an error where it is the only one.
 */
int record_add_targets(struct record *record);

/* A process has begun a program, or has got another name: is it one of those that are meant? */
void record_consider(struct record *record, uint32_t pid);

/* --- record_memory.c --- */

/* Of each process that was asked for, as long as they are few: what is in their heaps is older than
 * the recording. */
void record_take_census(struct record *record, enum census_moment moment);

/* The same processes as those of the census, until they end. Each look sets the time of the next:
 * often at first, once a second later. */
void record_sample_memory(struct record *record);

/* --- record_loop.c --- */

/* Until the capture is sealed. A worker that dies ends the recording; the target never notices. */
int record_run(struct record *record);

/* A segment is a capture: it is told as one. */
void record_take_sealed(struct record *record, const struct writer_done *done);

#endif
