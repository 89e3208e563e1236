// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/io.h"
#include "base/text.h"
#include "base/units.h"
#include "commands/census.h"
#include "commands/command.h"
#include "commands/launch.h"
#include "commands/output.h"
#include "commands/record_options.h"
#include "commands/recording.h"
#include "commands/seccomp.h"
#include "commands/segment_files.h"
#include "commands/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SILENT_LOOKS_MAX   120 /* a disk may be slow, and a thousand probes to detach */
#define CENSUS_TARGETS_MAX 64  /* a census of more would take too long */

struct record {
	struct record_options options;
	struct recording recording;
	struct output first, output; /* the first segment's, that of the one that is written */
	struct output next;	     /* where that is full */
	struct segment_files files;
	struct launch launch;
	int signals, timer;
	int looks;	       /* timer: it is time to look whether workers live */
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

static void read_proc(uint32_t pid, const char *name, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);
	out[n > 0 ? n : 0] = 0;
	out[strcspn(out, "\n")] = 0;
	io_close(&fd);
}

static void describe(uint32_t pid, struct tracer_target *target)
{
	char path[64];

	*target = (struct tracer_target) { .pid = pid };
	read_proc(pid, "comm", target->comm, sizeof(target->comm));
	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	ssize_t n = readlink(path, target->exe, sizeof(target->exe) - 1);
	target->exe[n > 0 ? n : 0] = 0;
}

static bool is_selected(const struct record_options *options)
{
	return options->selected || options->sees_all;
}

static int add_pid(struct record *record, uint32_t pid, uint32_t *site_count)
{
	struct tracer_target target;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	/* of those that an option meant, some are gone by now */
	if (pidfd < 0 && is_selected(&record->options))
		return EXIT_TARGET;
	if (pidfd < 0)
		return command_fail(EXIT_TARGET, "there is no process %u%s", pid,
				    errno == EINVAL ? " (it is a thread: give its process)" : "");
	describe(pid, &target);
	int status = recording_add_target(&record->recording, &target, pidfd, site_count);
	close(pidfd);
	return status;
}

/* What is meant by a name or the beginning of an id must be one container. */
static int resolve_container(struct record_options *options)
{
	static char resolved[CONTAINER_ID_SIZE], ids[SELECT_IDS_MAX][CONTAINER_ID_SIZE];
	char list[SELECT_IDS_MAX * 16] = "";
	int count = select_container(options->selected, resolved, ids);

	for (int i = 0; i < count && count > 1; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%.12s", i ? ", " : "",
			 ids[i]);
	if (count > 1)
		return command_fail(EXIT_TARGET,
				    "--container %s: that is the beginning of several: %s",
				    options->selected, list);
	if (count < 0)
		return command_fail(
			EXIT_TARGET,
			"--container %s: no container has this name (docker, podman, systemd), and no running one an id "
			"that begins so",
			options->selected);
	options->selected = resolved;
	return EXIT_DONE;
}

/* The pids that an option means. Of those some may be gone before they are looked at. */
static int select_targets(struct record_options *options)
{
	int status = options->selects == SELECT_CONTAINER ? resolve_container(options) : EXIT_DONE;
	if (status)
		return status;
	int count = select_processes(options->selects, options->selected, options->pids, PIDS_MAX);

	if (count == -EINVAL)
		return command_fail(EXIT_MISUSED, "not what that option takes: %s",
				    options->selected);
	if (count < 0)
		return command_fail(EXIT_FAILED, "/proc: %s", strerror(-count));
	if (count > PIDS_MAX)
		return command_fail(EXIT_FAILED, "%d processes are too many: at most %d", count,
				    PIDS_MAX);
	if (count == 0)
		return command_fail(EXIT_TARGET, "no running process is meant by %s",
				    options->selected);
	options->pid_count = (size_t)count;
	return EXIT_DONE;
}

/* Every target must be there; one without a known allocator is an error where it is the only one.
 */
static int add_targets(struct record *record)
{
	size_t usable = 0;

	for (size_t i = 0; i < record->options.pid_count; i++) {
		uint32_t site_count = 0;
		int status = add_pid(record, record->options.pids[i], &site_count);
		bool is_over = record->recording.tracer.socket < 0;
		if (status && (is_over || !is_selected(&record->options)))
			return status;
		usable += site_count > 0;
	}
	if (usable || record->options.command || record->options.sees_all)
		return EXIT_DONE;
	if (record->options.has_points)
		return command_fail(
			EXIT_FAILED,
			"no target has USDT probes of the name otel_memory:alloc whose arguments "
			"can be read; without --sampled every allocation is recorded");
	return command_fail(
		EXIT_FAILED,
		"no allocator that heaptrail knows is mapped by %s: looked for malloc, free and "
		"their kin, by symbol, in the executable and up to 2,048 mapped files",
		record->options.pid_count > 1 ? "any of these processes" : "this process");
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
	if (record->signals < 0 || record->timer < 0 || record->looks < 0)
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

static void show_progress(struct record *record, const struct writer_progress *now)
{
	char rate[UNITS_TEXT_MAX + 8], live[UNITS_TEXT_MAX], lost[UNITS_TEXT_MAX + 8];

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K%s events/s   live %s   lost %s",
			units_format_count(now->events - record->progress.events, rate),
			units_format_size(now->live_bytes, live),
			units_format_count(now->lost, lost));
}

/* Of each process that was asked for, as long as they are few: what is in their heaps is older than
 * the recording. */
static void take_census(struct record *record, enum census_moment moment)
{
	const struct record_options *options = &record->options;
	struct census census;

	if (options->has_no_census || options->sees_all || options->pid_count > CENSUS_TARGETS_MAX)
		return;
	for (size_t i = 0; i < options->pid_count; i++)
		if (census_take(&record->recording.census, options->pids[i], &census))
			(void)recording_note_census(&record->recording, options->pids[i], moment,
						    &census);
}

/* /proc/PID/statm (proc(5)): pages that are in memory, and how many of them are of files or shared.
 */
static void look_at_memory(uint32_t pid, struct memory_seen *seen)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), resident = 0, shared = 0;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/statm", pid);
	FILE *file = fopen(path, "re");
	if (file && fscanf(file, "%*u %" SCNu64 " %" SCNu64, &resident, &shared) != 2)
		resident = shared = 0;
	if (file)
		fclose(file);
	*seen = (struct memory_seen) { .pid = pid,
				       .resident_bytes = resident * page,
				       .shared_bytes = shared * page };
}

/* The same processes as those of the census, until they end. */
static void sample_memory(struct record *record)
{
	size_t count = record->options.command ? 1 : record->options.pid_count;
	struct memory_seen seen;

	if (record->options.sees_all || record->options.pid_count > CENSUS_TARGETS_MAX ||
	    record->stop_reason || !record->is_live)
		return;
	for (size_t i = 0; i < count; i++) {
		if (record->has_ended[i])
			continue;
		look_at_memory(record->options.pids[i], &seen);
		record->has_ended[i] = !seen.resident_bytes;
		/* a tracer that died is seen when it is heard next */
		if (recording_note_memory(&record->recording, &seen))
			return;
	}
}

static void stop(struct record *record, const char *reason)
{
	if (record->stop_reason)
		return;
	sample_memory(record);
	record->stop_reason = reason;
	take_census(record, CENSUS_AT_END);
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

/* A segment is a capture: it is told as one. */
static void take_sealed(struct record *record, const struct writer_done *done)
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

	take_sealed(record, done);
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
	sample_memory(record);
	if (!record->is_sealed && ++record->silent_looks > SILENT_LOOKS_MAX)
		supervise_kill(&recording->writer, "gave no sign of life, and was killed");
	if (!record->is_sealed && record->progress.silent_ms > SILENT_LOOKS_MAX * 1000)
		supervise_kill(&recording->tracer, "gave no sign of life, and was killed");
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

/* A process has begun a program, or has got another name: is it one of those that are meant? */
static void consider(struct record *record, uint32_t pid)
{
	struct tracer_target target;

	/* held first: what is matched and described is then this process, or it is gone, and
	 * refused */
	int pidfd = record->stop_reason ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return;
	if (select_matches(record->options.selects, record->options.selected, pid)) {
		describe(pid, &target);
		/* a tracer that died is seen when it is heard next */
		(void)recording_offer_target(&record->recording, &target, pidfd);
	}
	close(pidfd);
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
		consider(record, ((struct tracer_candidate *)message.body)->pid);
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

/* Until the capture is sealed. A worker that dies ends the recording; the target never notices. */
static int run(struct record *record)
{
	int status = EXIT_DONE, tracer_status = EXIT_DONE;

	bool hears_tracer = true;

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
		};
		if (poll(polls, sizeof(polls) / sizeof(polls[0]), -1) < 0)
			continue;
		if (polls[4].revents)
			recording_send_spare(&record->recording);
		if (polls[5].revents)
			look(record);
		if (polls[6].revents)
			handle_vault(record);
		if (polls[1].revents) {
			/* without the tracer the writer seals what it got */
			tracer_status = handle_tracer(record);
			if (tracer_status)
				record->stop_reason = "tracer-died";
		}
		if (polls[0].revents)
			status = handle_writer(record);
		if (!status && polls[2].revents)
			status = handle_signal(record);
		if (!status && polls[3].revents)
			stop(record, "duration");
		hears_tracer = !record->recording.is_tracer_done && !tracer_status;
	}
	return status ? status : tracer_status;
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
	sample_memory(record);
	/* a command has nothing yet */
	if (!status && !record->options.command)
		take_census(record, CENSUS_AT_ATTACH);
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
	int status = add_pid(record, (uint32_t)pid, &site_count);

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
	int status = EXIT_DONE;

	if (record->options.command) {
		status = launch_prepare(&record->launch, record->options.command);
		record->options.pids[0] = (uint32_t)record->launch.pid;
		record->options.pid_count = !status;
	}
	if (!status && is_selected(&record->options))
		status = select_targets(&record->options);
	if (status)
		return status;
	describe(record->options.pids[0], &first);
	if (record->options.sees_all)
		text_copy(first.comm, sizeof(first.comm), "all");
	options.follows = record->options.follows;
	options.sees_all = record->options.sees_all;
	options.recorder_pid = (uint32_t)getpid();
	options.has_candidates = record->options.selected != NULL;
	options.has_filtered = has_filtered(&record->options);
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
		status = recording_start_tracer(
			&record->recording, &options, record->options.functions, pipes[1],
			record->options.is_dry_run
				? NULL
				: command_cache_directory(record->options.state_directory));
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
		status = launch_run(&record->launch, scan_launched, record);
	} else {
		status = add_targets(record);
		if (!status)
			status = go_live(record);
	}
	if (status)
		return status;
	tell_missing(record);
	announce(record);
	status = run(record);
	if (record->is_sealed) {
		int noted = note_end(record);
		take_sealed(record, &record->done);
		print_summary(record);
		if (!status)
			status = noted		       ? noted
				 : record->next_status ? record->next_status
				 : record->lost	       ? EXIT_LOST
						       : EXIT_DONE;
	}
	return status;
}

int record_main(int argc, char **argv)
{
	static struct record record = { .recording = RECORDING_NONE,
					.output = OUTPUT_NONE,
					.next = OUTPUT_NONE };

	record_options_parse(&record.options, argc, argv);
	if (geteuid() != 0)
		return command_fail(EXIT_PERMISSION,
				    "recording needs root: probes are the kernel's, and other "
				    "processes' mappings are not yours; try sudo");
	int status = open_events(&record);
	if (!status)
		status = prepare(&record);
	if (!status && record.options.is_dry_run) {
		record.recording.on_site = print_site;
		status = record.options.command ? launch_run(&record.launch, scan_launched, &record)
						: add_targets(&record);
		tell_missing(&record);
	} else if (!status) {
		status = record_targets(&record);
	}
	launch_finish(&record.launch);
	recording_finish(&record.recording);
	output_close(&record.output);
	output_close(&record.next);
	segment_files_free(&record.files);
	return status;
}
