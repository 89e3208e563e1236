// SPDX-License-Identifier: GPL-2.0-or-later
/* A recording while it runs: what comes from workers, signals and timers. */
#include "base/text.h"
#include "base/units.h"
#include "commands/command.h"
#include "commands/record_parts.h"
#include "commands/supervise.h"

#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SILENT_LOOKS_MAX 120 /* a disk may be slow, and a thousand probes to detach */

static void show_progress(struct record *record, const struct writer_progress *now)
{
	char rate[UNITS_TEXT_MAX + 8], live[UNITS_TEXT_MAX], lost[UNITS_TEXT_MAX + 8];

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s events/s   live %s   lost %s",
			units_format_count(now->events - record->progress.events, rate),
			units_format_size(now->live_bytes, live),
			units_format_count(now->lost, lost));
}

static void stop(struct record *record, const char *reason)
{
	if (record->stop_reason)
		return;
	record_sample_memory(record);
	record->stop_reason = reason;
	record_take_census(record, CENSUS_AT_END);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	recording_stop(&record->recording, reason);
}

/* The capture that was sealed last. */
static void print_capture(const struct record *record)
{
	const struct writer_done *done = &record->done;
	char id[33];

	if (!record->options.is_json) {
		puts(record->output.path);
		fflush(stdout);
		return;
	}
	json_t *result = json_pack(
		"{s:s, s:s, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:I, s:I}", "path",
		record->output.path, "id", text_hex(id, done->end.capture_id, 16), "events",
		"written", (json_int_t)done->end.events, "lost", (json_int_t)done->end.lost,
		"allocations", (json_int_t)done->allocations, "frees", (json_int_t)done->frees,
		"reallocations", (json_int_t)done->reallocations, "failed",
		(json_int_t)done->failed, "duration_ns", (json_int_t)done->duration_ns, "bytes",
		(json_int_t)done->end.file_size);
	if (result)
		json_dumpf(result, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(result);
}

/* This one is the last where there is no file for another. */
static int begin_segment(struct record *record)
{
	if (record->stop_reason)
		return EXIT_DONE;
	record->next_status = segment_files_open(&record->files, &record->first, &record->next);
	if (!record->next_status)
		return recording_begin_segment(&record->recording, record->next.fd);
	stop(record, "write-failed");
	return EXIT_DONE;
}

void record_take_sealed(struct record *record, const struct writer_done *done)
{
	record->done = *done;
	record->events += done->end.events;
	record->lost += done->end.lost;
	record->bytes += done->end.file_size;
	print_capture(record);
}

static int switch_segment(struct record *record, const struct writer_done *done)
{
	int status = recording_note_end(&record->recording, &done->end);

	record_take_sealed(record, done);
	if (!status)
		status = recording_certify_segment(&record->recording);
	if (!status)
		status = output_publish(&record->next);
	if (!status)
		status = segment_files_add(&record->files, record->output.path,
					   done->end.capture_id);
	if (status)
		return command_fail(status, "the recording ends with %s, which is whole",
				    record->output.path);
	output_close(&record->output);
	record->output = record->next;
	record->next.fd = -1;
	return segment_files_trim(&record->files, &record->recording);
}

/* The tracer and the writer say something every second, or their silence is known. */
static void look(struct record *record)
{
	struct recording *recording = &record->recording;
	uint64_t count;

	if (read(record->looks, &count, sizeof(count)) != sizeof(count))
		return;
	recording_look(recording);
	if (!record->is_sealed && ++record->silent_looks > SILENT_LOOKS_MAX)
		supervise_kill(&recording->writer, "gave no sign of life, and was killed");
	if (!record->is_sealed && record->progress.silent_ms > SILENT_LOOKS_MAX * 1000)
		supervise_kill(&recording->tracer, "gave no sign of life, and was killed");
}

static void sample_memory(struct record *record)
{
	uint64_t count;

	if (read(record->samples, &count, sizeof(count)) == sizeof(count))
		record_sample_memory(record);
}

/* It says nothing by itself: it has hung up. Without it the end could not be put on record. */
static void handle_vault(struct record *record)
{
	char fate[SUPERVISE_TEXT_MAX];

	record->is_vault_gone = true;
	command_fail(EXIT_FAILED,
		     "the vault %s; the capture is being sealed, but its end will not be on record",
		     supervise_fate(&record->recording.vault, fate));
	stop(record, "vault-died");
}

static int handle_writer(struct record *record)
{
	static const struct message_rule RULES[] = {
		{ WRITER_PROGRESS, sizeof(struct writer_progress), 0 },
		{ WRITER_DONE, sizeof(struct writer_done), 0 },
		{ WRITER_FULL, 0, 0 },
		{ WRITER_SEALED, sizeof(struct writer_done), 0 },
		{ MESSAGE_FAILURE, sizeof(struct failure), 0 },
	};
	static struct message message;
	const struct writer_progress *progress = (const void *)message.body;
	char fate[SUPERVISE_TEXT_MAX];

	if (message_recv(record->recording.writer.socket, RULES, sizeof(RULES) / sizeof(RULES[0]),
			 &message))
		return command_fail(EXIT_FAILED,
				    "the writer %s; the capture is readable up to its last chunk",
				    supervise_fate(&record->recording.writer, fate));
	record->silent_looks = 0;
	if (message.type == MESSAGE_FAILURE)
		return command_worker_failed((struct failure *)message.body, NULL);
	if (message.type == WRITER_FULL)
		return begin_segment(record);
	if (message.type == WRITER_SEALED)
		return switch_segment(record, (void *)message.body);
	if (message.type == WRITER_DONE) {
		memcpy(&record->done, message.body, sizeof(record->done));
		record->is_sealed = true;
		return EXIT_DONE;
	}
	if (progress->error && !record->stop_reason) {
		command_fail(EXIT_LOST,
			     "%s: cannot be written any more: %s; what was written is being sealed",
			     record->output.path, strerror(progress->error));
		stop(record, "write-failed");
	}
	if (!record->stop_reason)
		show_progress(record, progress);
	record->progress = *progress;
	return EXIT_DONE;
}

static int handle_tracer(struct record *record)
{
	static const struct message_rule RULES[] = {
		{ TRACER_CANDIDATE, sizeof(struct tracer_candidate), 0 },
		{ TRACER_SCANNED, sizeof(struct tracer_scanned), 0 },
		{ TRACER_GONE, sizeof(struct tracer_gone), 0 },
		{ TRACER_SITE, sizeof(struct tracer_site), 0 },
		{ TRACER_DONE, sizeof(struct tracer_done), 0 },
		{ MESSAGE_FAILURE, sizeof(struct failure), 0 },
	};
	static struct message message;
	const struct tracer_gone *gone = (const void *)message.body;
	const struct tracer_done *done = (const void *)message.body;
	char fate[SUPERVISE_TEXT_MAX];

	if (message_recv(record->recording.tracer.socket, RULES, sizeof(RULES) / sizeof(RULES[0]),
			 &message)) {
		/* without a writer there is no tracer; it is the writer that is told of */
		if (!record->is_sealed && supervise_has_failed(&record->recording.writer))
			return EXIT_FAILED;
		return command_fail(EXIT_FAILED, "the tracer %s; what it had sent is being sealed",
				    supervise_fate(&record->recording.tracer, fate));
	}
	/* one that was met while recording is gone already */
	if (message.type == MESSAGE_FAILURE && record->options.selected &&
	    ((struct failure *)message.body)->exit_status == EXIT_TARGET)
		return EXIT_DONE;
	if (message.type == MESSAGE_FAILURE)
		return command_worker_failed((struct failure *)message.body, NULL);
	if (message.type == TRACER_CANDIDATE)
		record_consider(record, ((struct tracer_candidate *)message.body)->pid);
	if (message.type == TRACER_DONE) {
		record->recording.is_tracer_done = true;
		record->missed = done->missed;
		record->noted = done->noted;
		record->was_traced = done->was_traced;
	}
	/* where they are meant by a name or a group, others may come */
	if (message.type == TRACER_GONE && gone->left == 0 && !record->options.selected)
		stop(record, "targets-exited");
	return EXIT_DONE;
}

static int handle_signal(struct record *record)
{
	struct signalfd_siginfo info;

	if (read(record->signals, &info, sizeof(info)) != sizeof(info))
		return EXIT_DONE;
	/* the second ^C means it: leave the capture as it is, up to its last chunk */
	if (record->was_interrupted)
		return 128 + (int)info.ssi_signo;
	record->was_interrupted = true;
	stop(record, "stopped");
	return EXIT_DONE;
}

int record_run(struct record *record)
{
	int status = EXIT_DONE, tracer_status = EXIT_DONE;

	bool hears_tracer = true;
	unsigned stops = 0;

	while (!status && (!record->is_sealed || hears_tracer)) {
		struct pollfd polls[] = {
			{ .fd = record->is_sealed ? -1 : record->recording.writer.socket,
			  .events = POLLIN },
			{ .fd = hears_tracer ? record->recording.tracer.socket : -1,
			  .events = POLLIN },
			{ .fd = record->signals, .events = POLLIN },
			{ .fd = record->stop_reason ? -1 : record->timer, .events = POLLIN },
			{ .fd = record->recording.spares, .events = POLLIN },
			{ .fd = record->looks, .events = POLLIN },
			{ .fd = record->is_vault_gone ? -1 : record->recording.vault.socket },
			{ .fd = record->stop_reason ? -1 : record->samples, .events = POLLIN },
			{ .fd = stops < 2 ? record->recording.client : -1, .events = POLLIN },
		};
		if (poll(polls, sizeof(polls) / sizeof(polls[0]), -1) < 0)
			continue;
		if (polls[8].revents)
			record_hear_client(record, &stops);
		if (stops && !record->stop_reason)
			stop(record, "stopped");
		if (stops > 1)
			status = 128 + SIGINT;
		if (polls[4].revents)
			recording_send_spare(&record->recording);
		if (polls[5].revents)
			look(record);
		if (polls[6].revents)
			handle_vault(record);
		if (polls[7].revents)
			sample_memory(record);
		if (polls[1].revents) {
			/* without the tracer the writer seals what it got */
			tracer_status = handle_tracer(record);
			if (tracer_status)
				record->stop_reason = "tracer-died";
		}
		if (!status && polls[0].revents)
			status = handle_writer(record);
		if (!status && polls[2].revents)
			status = handle_signal(record);
		if (!status && polls[3].revents)
			stop(record, "duration");
		hears_tracer = !record->recording.is_tracer_done && !tracer_status;
	}
	return status ? status : tracer_status;
}
