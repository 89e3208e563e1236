// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tracer: loads the programs, gives up every right, finds the sites of targets through its two
 * helpers, links the probes, and carries records from the ring to the writer until it is told to
 * stop.
 */
#include "workers/tracer.h"

#include "base/clock.h"
#include "base/functions.h"
#include "base/io.h"
#include "base/message.h"
#include "base/text.h"
#include "bpf/settings.h"
#include "tracing/cookie.h"
#include "workers/worker.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The rules are x86-64's; elsewhere the kernel's walk is used, and distributions keep frame
 * pointers. */
#if defined(__x86_64__)
#define HAS_TABLES true
#else
#define HAS_TABLES false
#endif

#define IDLE_MS		   10 /* the ring is looked at this often even where nothing wakes us */
#define NAP_NS		   200000
#define LOAD_MAX_NS	   20000000
#define RESCAN_INTERVAL_NS 100000000
#define NAMING_ROUNDS	   8

static struct message message;

static void reply(enum message_type type, const void *body, size_t size)
{
	if (message_send(WORKER_SOCKET, type, body, size, NULL, 0))
		exit(1);
}

static void send_session(struct tracer *tracer, enum attach_mode mode)
{
	struct stream_session session = { .start_ns = clock_now_ns(),
					  .is_sampled = tracer->options.has_points,
					  .has_free_stacks = tracer->options.has_free_stacks };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	session.start_unix_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	text_copy(session.mode, sizeof(session.mode), attach_mode_name(mode));
	tracer_send(tracer, STREAM_SESSION, &session, sizeof(session));
}

static _Noreturn void fail_to_load(int err, const char *step)
{
	if (err == -EPERM || err == -EACCES)
		worker_fail(
			4, -err,
			"%s: %s; with CAP_BPF and CAP_PERFMON, which the tracer has, that can be for want of "
			"CAP_SYS_ADMIN (needed before Linux 6.6), or be forbidden by the kernel (lockdown)",
			step, strerror(-err));
	worker_fail(4, -err,
		    "%s: %s; Linux 5.17 or newer with BPF, uprobes and BTF is needed: see "
		    "`heaptrail doctor`",
		    step, strerror(-err));
}

static _Noreturn void refuse_filtered(void)
{
	worker_fail(
		4, 0,
		"this kernel ends a program behind a seccomp filter at the first probed return, and a "
		"target lives behind one (Seccomp in /proc/PID/status); Linux 6.14 has this mended; "
		"--force records it all the same");
}

/* Before any module is inspected: it would lack their sites. */
static void take_functions(uint32_t count)
{
	static const struct message_rule RULES[] = {
		{ TRACER_FUNCTION, sizeof(struct user_function), 0 },
	};

	for (uint32_t i = 0; i < count; i++) {
		if (message_recv(WORKER_SOCKET, RULES, 1, &message))
			exit(1);
		int err = functions_add((const void *)message.body);
		if (err)
			worker_fail(1, -err, "the tracer does not take a function: %s",
				    strerror(-err));
	}
}

/* With what the kernel counts, so that it can be known without the tracer. */
static void reply_ready(const struct tracer *tracer, enum attach_mode mode)
{
	struct tracer_ready ready = { 0 };
	int counters = tracer->null;

	text_copy(ready.mode, sizeof(ready.mode), attach_mode_name(mode));
	if (tracer->probes) {
		counters = probes_counters_fd(tracer->probes);
		ready.cpu_count = (uint32_t)probes_cpu_count(tracer->probes);
	}
	/* the writer wants to know when this process ends, whoever started it */
	int fds[2] = { counters, tracer->self };
	if (message_send(WORKER_SOCKET, TRACER_READY, &ready, sizeof(ready), fds, 2))
		exit(1);
}

/* Loads, then confines itself: what comes after this sees targets' data. */
static void start(struct tracer *tracer)
{
	static const struct message_rule RULES[] = {
		{ TRACER_START, sizeof(struct tracer_start), 5 },
	};
	enum attach_mode mode = ATTACH_NONE;
	const char *step = "";

	if (message_recv(WORKER_SOCKET, RULES, 1, &message))
		exit(1);
	memcpy(&tracer->options, message.body, sizeof(tracer->options));
	tracer->resolver = message_take_fd(&message, 0);
	tracer->symbolizer = message_take_fd(&message, 1);
	tracer->stream = message_take_fd(&message, 2);
	if (tracer->options.has_cache)
		(void)table_cache_open(message_take_fd(&message, 3), &tracer->cache);
	tracer->spares = message_take_fd(&message, 4);
	message_close_fds(&message);
	take_functions(tracer->options.function_count);
	tracer->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	tracer->self = (int)syscall(SYS_pidfd_open, getpid(), 0);
	tracer->epoll = epoll_create1(EPOLL_CLOEXEC);
	tracer->functions = memfd_create("functions", MFD_CLOEXEC);
	tracer->batch = malloc(sizeof(struct stream_frame) + STREAM_BATCH_MAX);
	if (tracer->null < 0 || tracer->self < 0 || tracer->epoll < 0 || tracer->functions < 0 ||
	    !tracer->batch)
		worker_fail(1, errno, "the tracer could not start: %s", strerror(errno));
	if (tracer->options.is_dry_run) {
		io_close(&tracer->stream);
	} else {
		struct probes_options options = {
			.target_pid = (pid_t)tracer->options.target_pid,
			.recorder_pid = (pid_t)tracer->options.recorder_pid,
			.follows = tracer->options.follows,
			.sees_all = tracer->options.sees_all,
			.ring_bytes = tracer->options.ring_bytes,
			.has_free_stacks = tracer->options.has_free_stacks,
			.has_mappings = tracer->options.has_mappings,
			.has_points = tracer->options.has_points,
			.has_tables = HAS_TABLES,
			.has_owner = tracer->options.has_owner,
			.owner_uid = tracer->options.owner_uid,
		};
		int err = probes_open(&options, &tracer->probes, &step);
		/* perf events are tried last */
		if ((err == -EPERM || err == -EACCES) && worker_use_spares("tracer"))
			err = probes_open(&options, &tracer->probes, &step);
		if (err)
			fail_to_load(err, step);
		/* without it, mappings are found when their code is in a stack */
		(void)sideband_open(&tracer->sideband);
		tracer_meet_vdso(tracer);
		mode = probes_mode(tracer->probes);
		if (tracer->options.has_filtered && !features_spares_filtered(mode))
			refuse_filtered();
		send_session(tracer, mode);
	}
	worker_confine(mode == ATTACH_PERF ? "tracer-perf" : "tracer");
	reply_ready(tracer, mode);
}

static void watch(struct tracer *tracer, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = { .events = events, .data.u64 = tag };

	if (epoll_ctl(tracer->epoll, EPOLL_CTL_ADD, fd, &event))
		worker_fail(1, errno, "epoll: %s", strerror(errno));
}

#define TAG_CONTROL (~0ULL)
#define TAG_RING    (~0ULL - 1)
#define TAG_NEWS    (~0ULL - 2) /* other tags are indexes of targets */

/* What the target's modules hold for us. */
static void summarize(const struct tracer *tracer, const struct target *target,
		      struct tracer_scanned *scanned)
{
	*scanned = (struct tracer_scanned) { .pid = target->pid,
					     .module_count = (uint32_t)target->maps.count };
	for (size_t i = 0; i < target->maps.count; i++) {
		uint32_t id = target->maps.items[i].module;
		if (!id)
			continue;
		const struct module *module = tracer->modules.items[id - 1];
		for (uint32_t j = 0; j < module->inspection.site_count; j++) {
			scanned->site_count += !cookie_is_mark(&module->sites[j]);
			if (module->sites[j].function >= FUNCTION_COUNT)
				scanned->user_functions |= 1u << (module->sites[j].function -
								  FUNCTION_COUNT);
		}
		scanned->skipped += module->note[0] != 0;
		scanned->has_32bit |= module->inspection.elf_class == ELFCLASS32;
	}
}

/* A new target, or one whose mappings changed: its modules are inspected, and probed once attached.
 */
static void handle_target(struct tracer *tracer)
{
	const struct tracer_target *request = (const void *)message.body;
	struct target *target = tracer_target(tracer, request->pid);
	struct tracer_scanned scanned;

	/* who asks may not be permitted to know what it runs */
	if (!request->exe[0])
		tracer_name_program(tracer, (void *)message.body);
	/* a pid is given again */
	if (!target || target->is_gone)
		target = tracer_add_target(tracer, request, message_take_fd(&message, 0));
	if (!target)
		worker_fail(1, ENOMEM, "too many targets: at most %u", TARGETS_MAX);
	int err = tracer_scan(tracer, target);
	if (err) {
		worker_refuse(WORKER_SOCKET,
			      err == -ESRCH || err == -ENOENT ? 3
			      : err == -EACCES		      ? 4
							      : 1,
			      -err, "pid %u: its mappings could not be read: %s", target->pid,
			      strerror(-err));
		return;
	}
	summarize(tracer, target, &scanned);
	reply(TRACER_SCANNED, &scanned, sizeof(scanned));
}

static void tell_gone(struct tracer *tracer, const struct target *target)
{
	struct tracer_gone gone = { .pid = target->pid };

	for (size_t i = 0; i < tracer->target_count; i++)
		gone.left += !tracer->targets[i]->is_gone && !tracer->targets[i]->is_met;
	reply(TRACER_GONE, &gone, sizeof(gone));
}

static void handle_attach(struct tracer *tracer)
{
	struct tracer_attached attached = { 0 };

	for (size_t i = 0; i < tracer->modules.count; i++) {
		const struct module *module = tracer->modules.items[i];
		int err = tracer_attach_module(tracer, module);
		if (err == -ESRCH)
			worker_fail(3, ESRCH, "the target exited before probes were attached");
		if (err)
			worker_fail(err == -EPERM || err == -EACCES ? 4 : 1, -err,
				    "probes could not be attached to %s: %s", module->path,
				    strerror(-err));
		attached.site_count += module->inspection.site_count;
	}
	tracer->is_attached = true;
	probes_begin(tracer->probes);
	watch(tracer, probes_ring_fd(tracer->probes), EPOLLIN | EPOLLET, TAG_RING);
	tracer_send_counters(tracer);
	reply(TRACER_ATTACHED, &attached, sizeof(attached));
	for (size_t i = 0; i < tracer->target_count; i++)
		if (tracer->targets[i]->is_gone && !tracer->targets[i]->is_met)
			tell_gone(tracer, tracer->targets[i]);
}

static _Noreturn void handle_stop(struct tracer *tracer)
{
	struct stream_end end = { 0 };
	struct tracer_done done = { 0 };
	struct event_counters sums = { 0 };

	memcpy(end.reason, ((const struct tracer_stop *)message.body)->reason,
	       sizeof(end.reason) - 1);
	if (tracer->probes) {
		probes_end_allocations(tracer->probes);
		tracer_drain(tracer);
		probes_end(tracer->probes);
		end.time_ns = clock_now_ns();
		tracer_drain(tracer);
		tracer->is_attached = false;
		tracer_load_modules(tracer, UINT64_MAX);
		tracer_send_counters(tracer);
		tracer_send_names(tracer);
		tracer_send_ignored(tracer);
		probes_counters(tracer->probes, &sums);
		tracer_send_traced(tracer, sums.traced);
		tracer_send(tracer, STREAM_END, &end, sizeof(end));
	}
	done.emitted = sums.emitted;
	done.was_traced = sums.traced != 0;
	for (size_t i = 0; i < LOSS_REASON_COUNT; i++)
		done.lost += sums.lost[i];
	for (size_t i = 0; i < tracer->modules.count; i++)
		done.noted += tracer->modules.items[i]->note[0] != 0;
	done.noted += (uint32_t)tracer->ignored_count;
	done.missed = tracer->missed_candidates;
	reply(TRACER_DONE, &done, sizeof(done));
	exit(0);
}

/* It comes from the starter, and goes on as it is, with its time. */
static void handle_census(struct tracer *tracer)
{
	struct stream_census census = { .time_ns = clock_now_ns() };

	memcpy(&census.taken, message.body, sizeof(census.taken));
	if (tracer->stream >= 0)
		tracer_send(tracer, STREAM_CENSUS, &census, sizeof(census));
}

/* What the writer has got until here can be read alone: it has names. */
static void handle_segment(struct tracer *tracer)
{
	struct stream_segment segment;

	if (!tracer->is_attached)
		return;
	tracer_load_modules(tracer, UINT64_MAX);
	/* while it is asked for names, the ring is emptied, and others are met */
	for (int rounds = 0; rounds < NAMING_ROUNDS && tracer_send_names(tracer); rounds++)
		;
	tracer_send_counters(tracer);
	segment.time_ns = clock_now_ns();
	tracer_send(tracer, STREAM_SEGMENT, &segment, sizeof(segment));
}

static void handle_memory(struct tracer *tracer)
{
	struct stream_memory memory = { .time_ns = clock_now_ns() };

	memcpy(&memory.seen, message.body, sizeof(memory.seen));
	if (tracer->stream >= 0)
		tracer_send(tracer, STREAM_MEMORY, &memory, sizeof(memory));
}

static void handle_control(struct tracer *tracer)
{
	static const struct message_rule RULES[] = {
		{ TRACER_TARGET, sizeof(struct tracer_target), 1 },
		{ TRACER_ATTACH, 0, 0 },
		{ TRACER_STOP, sizeof(struct tracer_stop), 0 },
		{ TRACER_CENSUS, sizeof(struct census_taken), 0 },
		{ TRACER_MEMORY, sizeof(struct memory_seen), 0 },
		{ TRACER_SEGMENT, 0, 0 },
	};
	int err = message_recv(WORKER_SOCKET, RULES, sizeof(RULES) / sizeof(RULES[0]), &message);

	if (err == -EPIPE) {
		/* whoever started the recording died: detach, and let the writer seal what there is
		 */
		message.type = TRACER_STOP;
		memset(message.body, 0, sizeof(struct tracer_stop));
		text_copy((char *)message.body, sizeof(struct tracer_stop), "recorder-died");
	} else if (err) {
		worker_fail(1, -err, "the tracer got a message that it does not permit");
	}
	if (message.type == TRACER_TARGET)
		handle_target(tracer);
	else if (message.type == TRACER_STOP)
		handle_stop(tracer);
	else if (message.type == TRACER_CENSUS)
		handle_census(tracer);
	else if (message.type == TRACER_MEMORY)
		handle_memory(tracer);
	else if (message.type == TRACER_SEGMENT)
		handle_segment(tracer);
	else if (tracer->is_attached || !tracer->probes)
		worker_fail(1, EPROTO, "the tracer got a message out of turn");
	else
		handle_attach(tracer);
	message_close_fds(&message);
}

/* Before probes are attached the starter waits for other answers: it is told afterwards. */
static void handle_gone(struct tracer *tracer, struct target *target)
{
	epoll_ctl(tracer->epoll, EPOLL_CTL_DEL, target->pidfd, NULL);
	target->is_gone = true;
	io_close(&target->pidfd);
	if (tracer->probes)
		probes_remove_target(tracer->probes, (pid_t)target->pid);
	/* whoever was met on the way ends nothing */
	if (tracer->is_attached && !target->is_met)
		tell_gone(tracer, target);
}

/* Frames outside the known mappings mean that a target mapped something since. */
static void rescan(struct tracer *tracer)
{
	for (size_t i = 0; i < tracer->target_count; i++) {
		struct target *target = tracer->targets[i];
		if (target->has_unknown_frames && !target->is_gone &&
		    clock_now_ns() - target->maps_ns > RESCAN_INTERVAL_NS)
			(void)tracer_scan(tracer,
					  target); /* gone or unreadable: what we know stays */
	}
}

/*
 * Loads what targets mapped. All processes' mappings wake us: those of others no more often than
 * NAP_NS.
 */
static void hear_news(struct tracer *tracer, bool was_woken)
{
	static const struct timespec NAP = { .tv_nsec = NAP_NS };

	tracer_meet_mappings(tracer);
	if (was_woken && !tracer->has_news)
		nanosleep(&NAP, NULL);
	tracer->has_news = false;
	/* the others are heard in between */
	tracer_load_modules(tracer, tracer->is_attached ? LOAD_MAX_NS : UINT64_MAX);
}

/* Serves what has happened; returns whether somebody mapped something. */
static bool serve(struct tracer *tracer, const struct epoll_event *events, int count)
{
	bool has_news = false;

	for (int i = 0; i < count; i++) {
		uint64_t tag = events[i].data.u64;
		if (tag == TAG_CONTROL)
			handle_control(tracer);
		else if (tag == TAG_NEWS)
			has_news = true;
		else if (tag != TAG_RING)
			handle_gone(tracer, tracer->targets[tag]);
	}
	return has_news;
}

static _Noreturn void run(struct tracer *tracer)
{
	bool has_more = false;

	watch(tracer, WORKER_SOCKET, EPOLLIN, TAG_CONTROL);
	for (size_t i = 0; tracer->sideband && sideband_fd(tracer->sideband, i) >= 0; i++)
		watch(tracer, sideband_fd(tracer->sideband, i), EPOLLIN, TAG_NEWS);
	for (;;) {
		struct epoll_event events[16];
		int count = epoll_wait(tracer->epoll, events, 16,
				       !tracer->is_attached		   ? -1
				       : has_more || tracer->waiting_count ? 0
									   : IDLE_MS);
		hear_news(tracer, serve(tracer, events, count));
		if (!tracer->is_attached)
			continue;
		/* who makes events without end does not keep us from hearing the rest */
		has_more = tracer_drain_part(tracer, TRACER_DRAIN_BYTES);
		rescan(tracer);
		tracer_seek_maps(tracer);
		tracer_beat(tracer);
	}
}

int main(void)
{
	static struct tracer tracer = { .marks_left = MARKS_MAX };

	worker_begin("tracer");
	worker_leave_root("tracer");
	start(&tracer);
	run(&tracer);
}
