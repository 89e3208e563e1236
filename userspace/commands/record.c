// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "base/units.h"
#include "commands/command.h"
#include "commands/record_parts.h"
#include "commands/seccomp.h"
#include "commands/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void print_site(const struct tracer_site *site)
{
	char module[600], symbol[3 * SITE_SYMBOL_MAX], instruction[3 * SITE_INSTRUCTION_MAX];

	printf("%-16s %s+0x%" PRIx64 "  entry+%-3" PRIu64 " %-10s %s\n",
	       text_safe(symbol, sizeof(symbol), site->site.symbol,
			 strnlen(site->site.symbol, SITE_SYMBOL_MAX)),
	       text_safe(module, sizeof(module), site->module,
			 strnlen(site->module, sizeof(site->module))),
	       site->site.offset, site->site.offset - site->site.entry_offset,
	       site->site.is_emulated ? "emulated" : "stepped",
	       text_safe(instruction, sizeof(instruction), site->site.instruction,
			 strnlen(site->site.instruction, SITE_INSTRUCTION_MAX)));
}

static int open_events(struct record *record)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	record->signals = signalfd(-1, &mask, SFD_CLOEXEC);
	record->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	record->looks = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	record->samples = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (record->signals < 0 || record->timer < 0 || record->looks < 0 || record->samples < 0)
		return command_fail(EXIT_FAILED, "%s", strerror(errno));
	return EXIT_DONE;
}

static void announce(struct record *record)
{
	struct itimerspec timer = {
		.it_value = { .tv_sec = (time_t)(record->options.duration_ns / 1000000000),
			      .tv_nsec = (long)(record->options.duration_ns % 1000000000) }
	};
	const struct timespec interval = { .tv_sec = SUPERVISE_LOOK_MS / 1000 };
	const struct itimerspec looks = { .it_value = interval, .it_interval = interval };
	char text[UNITS_TEXT_MAX];

	timerfd_settime(record->timer, 0, &timer, NULL);
	timerfd_settime(record->looks, 0, &looks, NULL);
	if (record->options.command)
		fprintf(stderr, "heaptrail: attached to %s", record->options.command[0]);
	else
		fprintf(stderr, "heaptrail: attached to %zu process%s", record->options.pid_count,
			record->options.pid_count == 1 ? "" : "es");
	if (record->options.duration_ns)
		fprintf(stderr, " for %s; ^C stops earlier\n",
			units_format_duration(record->options.duration_ns, text));
	else
		fprintf(stderr, "; ^C stops\n");
	if (record->options.ready_fd >= 0 && write(record->options.ready_fd, "\n", 1) != 1)
		command_fail(EXIT_FAILED, "--ready-fd %d: %s", record->options.ready_fd,
			     strerror(errno));
}

static void print_summary(const struct record *record)
{
	const struct writer_done *done = &record->done;
	char events[UNITS_TEXT_MAX + 8], lost[UNITS_TEXT_MAX + 8], size[UNITS_TEXT_MAX];
	char time[UNITS_TEXT_MAX];

	fprintf(stderr, "heaptrail: %s events in %s, %s lost, %s on disk\n",
		units_format_count(record->events, events),
		units_format_duration(done->duration_ns, time),
		units_format_count(record->lost, lost), units_format_size(record->bytes, size));
	if (record->noted)
		fprintf(stderr,
			"heaptrail: of %u mapped file%s something could not be read: `heaptrail report` says of "
			"which, and why\n",
			record->noted, record->noted == 1 ? "" : "s");
	if (record->was_traced)
		fprintf(stderr,
			"heaptrail: a debugger or strace held a target: calls may be missing where it set "
			"breakpoints on what is probed\n");
	if (record->missed)
		fprintf(stderr, "heaptrail: %u processes began too fast to be looked at\n",
			record->missed);
}

/* The capture gets its name, and from here on calls are seen. */
static int go_live(struct record *record)
{
	int status = output_publish(&record->output);

	if (!status)
		status = recording_attach(&record->recording);
	record->is_live = !status;
	record->live_ns = clock_now_ns();
	record_sample_memory(record);
	/* a command has nothing yet */
	if (!status && !record->options.command)
		record_take_census(record, CENSUS_AT_ATTACH);
	return status;
}

/*
 * The launched command stands still after an mmap of code (the first time: after exec). Probes go
 * where allocators are mapped, before their first instruction runs.
 */
static int scan_launched(void *context, pid_t pid)
{
	struct record *record = context;
	uint32_t site_count; /* none yet: a dynamic program has mapped itself and its loader */
	int status = record_add_pid(record, (uint32_t)pid, &site_count);

	if (!status && !record->options.is_dry_run && !record->is_live)
		status = go_live(record);
	return status;
}

static bool has_filtered(const struct record_options *options)
{
	for (size_t i = 0; !options->is_forced && i < options->pid_count; i++)
		if (seccomp_filters(options->pids[i]))
			return true;
	return false;
}

static int run_command(struct record *record)
{
	return record->command_pid ? record_follow_client(record, scan_launched)
				   : launch_run(&record->launch, scan_launched, record);
}

/* A library that is loaded later may have it. */
static void tell_missing(const struct record *record)
{
	for (size_t i = 0; i < record->options.function_count; i++) {
		const struct user_function *function = &record->options.functions[i];
		char safe[3 * sizeof(function->symbol)];
		if (!(record->recording.found_functions >> i & 1))
			fprintf(stderr,
				"heaptrail: %s: nothing of that name%s is mapped yet; in a stripped file "
				"give FILE+0xOFFSET\n",
				text_safe(safe, sizeof(safe), function->symbol,
					  strlen(function->symbol)),
				*function->module ? " in that file" : "");
	}
}

/* systemd.exec(5): a service has one of its own. */
static const char *cache_directory(const struct record *record)
{
	if (record->options.is_dry_run)
		return NULL;
	return record->recording.client >= 0
		       ? getenv("CACHE_DIRECTORY")
		       : command_cache_directory(record->options.state_directory);
}

static int prepare(struct record *record)
{
	struct tracer_start options = {
		.ring_bytes = record->options.ring_bytes,
		.has_free_stacks = record->options.has_free_stacks,
		.has_mappings = record->options.has_mappings,
		.has_points = record->options.has_points,
		.is_dry_run = record->options.is_dry_run,
		.function_count = (uint32_t)record->options.function_count
	};
	struct tracer_target first = { 0 };
	int pipes[2] = { -1, -1 };
	int status = recording_ask_leave(&record->recording, record->options.state_directory);

	if (status)
		return status;

	if (record->command_pid) {
		record->options.pids[0] = record->command_pid;
		record->options.pid_count = 1;
	} else if (record->options.command) {
		status = launch_prepare(&record->launch, record->options.command);
		record->options.pids[0] = (uint32_t)record->launch.pid;
		record->options.pid_count = !status;
	}
	if (!status && record_is_selected(&record->options))
		status = record_select_targets(&record->options);
	if (status)
		return status;
	record_describe(record->options.pids[0], &first);
	if (record->options.sees_all)
		text_copy(first.comm, sizeof(first.comm), "all");
	options.follows = record->options.follows;
	options.sees_all = record->options.sees_all;
	/* who holds a command until its libraries are there */
	options.recorder_pid = (uint32_t)(record->client_pid ? record->client_pid : getpid());
	options.has_candidates = record->options.selected != NULL;
	options.has_filtered = has_filtered(&record->options);
	options.has_owner = record->recording.client >= 0 && !record->recording.has_others;
	options.owner_uid = record->client_uid;
	/* the kernel then lets nobody else pay for the probes */
	if (record->options.pid_count == 1 && !options.follows && !options.sees_all &&
	    !options.has_candidates)
		options.target_pid = record->options.pids[0];
	if (!record->options.is_dry_run) {
		const char *name = record->options.command
					   ? strrchr(record->options.command[0], '/')
					   : NULL;
		status = output_open(&record->output, record->options.output_path,
				     record->options.state_directory,
				     name		       ? name + 1
				     : record->options.command ? record->options.command[0]
							       : first.comm,
				     (int)record->options.pids[0]);
		record->first = record->output;
		record->files.max = record->options.files_max;
		if (!status && pipe2(pipes, O_CLOEXEC))
			status = command_fail(EXIT_FAILED, "%s", strerror(errno));
		/* larger batches for the writer; where it is not permitted, smaller ones do */
		if (!status)
			fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
	}
	if (!status)
		status = recording_start_tracer(&record->recording, &options,
						record->options.functions, pipes[1],
						cache_directory(record));
	if (!status && !record->options.is_dry_run)
		status = recording_start_writer(
			&record->recording, record->options.state_directory,
			&record->options.segments, record->options.recipients,
			record->options.recipient_count, record->output.fd, pipes[0]);
	io_close(&pipes[0]);
	io_close(&pipes[1]);
	return status;
}

static int note_end(struct record *record)
{
	if (record->is_vault_gone)
		return EXIT_FAILED;
	int status = recording_note_end(&record->recording, &record->done.end);
	return status ? command_fail(status, "the capture is sealed, but its end is not on record")
		      : EXIT_DONE;
}

static int record_targets(struct record *record)
{
	int status;

	if (record->options.command) {
		status = run_command(record);
	} else {
		status = record_add_targets(record);
		if (!status)
			status = go_live(record);
	}
	if (status)
		return status;
	tell_missing(record);
	announce(record);
	status = record_run(record);
	if (record->is_sealed) {
		int noted = note_end(record);
		record_take_sealed(record, &record->done);
		print_summary(record);
		if (!status)
			status = noted		       ? noted
				 : record->next_status ? record->next_status
				 : record->lost	       ? EXIT_LOST
						       : EXIT_DONE;
	}
	return status;
}

int record_perform(struct record *record)
{
	int status = open_events(record);

	if (!status)
		status = prepare(record);
	if (!status && record->options.is_dry_run) {
		record->recording.on_site = print_site;
		status = record->options.command ? run_command(record) : record_add_targets(record);
		tell_missing(record);
	} else if (!status) {
		status = record_targets(record);
	}
	launch_finish(&record->launch);
	recording_finish(&record->recording);
	output_close(&record->output);
	output_close(&record->next);
	segment_files_free(&record->files);
	return status;
}

int record_main(int argc, char **argv)
{
	static struct record record = RECORD_NONE;

	record_options_parse(&record.options, argc, argv);
	if (geteuid() != 0 || getenv("HEAPTRAIL_RECORD"))
		return record_by_service(&record.options, argc, argv);
	return record_perform(&record);
}
