// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Are the stacks right? At random hits of an allocator's probes, the frames that the unwinder in
 * the kernel found are compared with those that libdw's unwinder finds from the same registers and
 * the same stack.
 *
 *   fidelity [-n STOPS] [-e EVERY] -p PID[,PID...]
 *   fidelity [-n STOPS] [-e EVERY] -- COMMAND [ARGUMENT...]
 *
 * One hit in EVERY is a stop; it ends after STOPS of them, or with the targets; a command is killed
 * then. A stop is
 *
 *   identical   the same frames, from the caller of the allocator to the outermost
 *   cut         ours end early and say why; up to there they are the same
 *   libdw_cut   libdw's end early by an error of its own; up to there they are the same
 *   wrong       anything else; the first few are printed
 *
 * Exits with 1 if any is wrong. Its last line has the numbers, for scripts.
 */
#include "base/io.h"
#include "base/map.h"
#include "symbols/elf.h"
#include "symbols/sites.h"
#include "symbols/unwind_table.h"
#include "tests/fidelity/reference.h"
#include "tests/fidelity/sampler.h"
#include "tracing/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TARGETS_MAX   64
#define SHOWN_MAX     5
#define MAPS_TEXT_MAX (64u << 20)

enum verdict {
	IDENTICAL,
	CUT,
	LIBDW_CUT,
	WRONG,
	VERDICT_COUNT
};

static const char *const VERDICT_NAMES[] = { "identical", "cut", "libdw_cut", "wrong" };

static const char *const STATUS_NAMES[STACK_STATUS_COUNT] = {
	[STACK_COMPLETE] = "complete",
	[STACK_FRAME_POINTERS] = "frame_pointers",
	[STACK_DEPTH] = "depth",
	[STACK_NO_TABLE] = "no_table",
	[STACK_NO_ROW] = "no_row",
	[STACK_RULE] = "rule",
	[STACK_UNREADABLE] = "unreadable",
	[STACK_BAD_FRAME] = "bad_frame",
	[STACK_NOT_CODE] = "not_code",
	[STACK_ANONYMOUS] = "anonymous",
	[STACK_BUSY] = "busy",
	[STACK_NO_SLOT] = "no_slot",
	[STACK_SIGNAL] = "signal",
};

struct target {
	pid_t pid;
	bool is_child; /* started here: killed at the end */
	char *maps_text;
	struct maps maps;
	struct map attached; /* modules whose sites are probed in it */
	struct reference *reference;
};

static struct target targets[TARGETS_MAX];
static size_t target_count;
static struct modules modules;
static struct sampler *sampler;
static struct map stacks; /* hash -> struct event_stack *, a copy */
static uint64_t verdicts[VERDICT_COUNT], statuses[STACK_STATUS_COUNT], frames_compared;
static unsigned int wanted = 1000, every = 100;
static volatile sig_atomic_t is_ended;

static _Noreturn void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("fidelity: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

/* --- modules --------------------------------------------------------------------------------- */

static void inspect(struct module *module)
{
	static struct probe_site sites[MODULE_SITES_MAX];
	struct bytes_buffer table = { 0 };
	struct unwind_blob blob;
	struct elf *elf = NULL;

	if (elf_open(module->fd, &elf))
		return;
	sites_find(elf, sites, &module->inspection.site_count, &module->inspection.refused);
	module->sites = malloc(sizeof(sites));
	memcpy(module->sites, sites, sizeof(sites));
	/* a module without a table is met as such, and stacks say so */
	if (unwind_table_compile(elf, false, &table) == 0) {
		int err = unwind_blob_load(table.data, table.size, &blob);
		if (!err)
			err = sampler_publish(sampler, module, &blob);
		if (err)
			fail("the table of %s: %s", module->path, strerror(-err));
	}
	bytes_free(&table);
	elf_close(elf);
}

static struct module *module_of(const struct target *target, const struct mapping *mapping)
{
	struct module *module = modules_find(&modules, mapping->device, mapping->inode);
	char path[128];
	struct stat st;

	if (module)
		return module;
	module = modules_add(&modules, mapping->device, mapping->inode, mapping->path);
	if (!module)
		fail("too many modules");
	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, target->pid,
		 mapping->start, mapping->end);
	module->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (module->fd >= 0 && fstat(module->fd, &st) == 0 && st.st_ino == mapping->inode)
		inspect(module);
	return module;
}

/* --- targets --------------------------------------------------------------------------------- */

static struct target *target_add(pid_t pid, bool is_child)
{
	struct target *target = &targets[target_count];

	if (target_count == TARGETS_MAX)
		fail("too many targets");
	*target = (struct target) { .pid = pid, .is_child = is_child };
	target_count++;
	if (sampler_add_target(sampler, pid))
		fail("pid %d cannot be added", pid);
	return target;
}

static struct target *target_of(uint32_t pid)
{
	for (size_t i = 0; i < target_count; i++)
		if (targets[i].pid == (pid_t)pid)
			return &targets[i];
	return NULL;
}

static void map_modules(struct target *target)
{
	for (size_t i = 0; i < target->maps.count; i++) {
		struct mapping *mapping = &target->maps.items[i];
		struct module *module = module_of(target, mapping);

		mapping->module = module->id;
		if (map_get(&target->attached, module->id))
			continue;
		int err = module->fd >= 0 ? sampler_attach(sampler, module, target->pid) : 0;
		if (err)
			fail("probes in %s: %s", module->path, strerror(-err));
		(void)map_put(&target->attached, module->id, 1);
	}
}

/* Looks at the mappings again; what is new gets its table, its probes, and becomes known to libdw.
 * False: the target is gone. */
static bool target_update(struct target *target, bool is_for_walking)
{
	char path[64], *text = NULL;
	size_t size = 0;
	bool is_same;

	snprintf(path, sizeof(path), "/proc/%d/maps", target->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	int err = io_read_all(fd, MAPS_TEXT_MAX, &text, &size);
	close(fd);
	if (err || !size) {
		free(text);
		return false;
	}
	is_same = target->maps_text && strcmp(target->maps_text, text) == 0;
	if (!is_same) {
		maps_free(&target->maps);
		if (maps_parse(text, size, &target->maps))
			fail("%s cannot be parsed", path);
		map_modules(target);
	}
	free(target->maps_text);
	target->maps_text = text;
	if (!is_for_walking)
		return true;
	if (!target->reference)
		target->reference = reference_open(target->pid);
	else if (!is_same && !reference_update(target->reference))
		return false;
	return target->reference;
}

static void target_start(char **command)
{
	int go[2];

	if (pipe(go))
		fail("pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (pid == 0) {
		char byte;
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(127);
		close(go[0]);
		if (!freopen("/dev/null", "w", stdout))
			_exit(127);
		execvp(command[0], command);
		_exit(127);
	}
	close(go[0]);
	/* its libc is ours: what it allocates from its first call on is probed */
	if (!target_update(target_add(pid, true), false))
		fail("the command ended at once");
	if (write(go[1], "", 1) != 1)
		fail("the command ended at once");
	close(go[1]);
}

/* --- comparing ------------------------------------------------------------------------------- */

static void keep_stack(const struct event_stack *event, size_t size)
{
	struct event_stack *copy = malloc(size);
	uint64_t *old = map_get(&stacks, event->stack);

	if (!copy)
		fail("out of memory");
	memcpy(copy, event, size);
	if (old)
		free((void *)(uintptr_t)*old);
	if (map_put(&stacks, event->stack, (uintptr_t)copy))
		fail("out of memory");
}

static void drain_stacks(void)
{
	const uint8_t *record;
	size_t left = sampler_events(sampler, &record);

	while (left) {
		const struct event_stack *event = (const void *)record;
		size_t size = sizeof(struct event_module);

		if (event->kind == EVENT_STACK) {
			size = sizeof(*event) + event->frame_count * sizeof(event->frames[0]);
			keep_stack(event, size);
		} else if (event->kind != EVENT_MODULE) {
			fail("an event of kind %u", event->kind);
		}
		record += size;
		left -= size;
	}
}

static bool is_frame(const struct target *target, uint64_t frame, uint64_t address)
{
	const struct mapping *mapping = maps_find(&target->maps, address);

	if (frame & FRAME_ABSOLUTE)
		return (frame & FRAME_ADDRESS_MASK) == address;
	return mapping && frame >> FRAME_MODULE_SHIFT == mapping->module &&
	       (frame & FRAME_OFFSET_MASK) == address - mapping->start + mapping->file_offset;
}

/* Whether an address after a signal's frame is one inside a call is a matter of view: both are the
 * same frame. */
static bool is_same(const struct target *target, uint64_t frame,
		    const struct reference_stack *theirs, size_t i)
{
	return is_frame(target, frame, theirs->addresses[i]) ||
	       (theirs->is_exact[i] && is_frame(target, frame, theirs->addresses[i] - 1));
}

static size_t common_frames(const struct target *target, const struct event_stack *ours,
			    const struct reference_stack *theirs)
{
	size_t common = 0;

	/* their first is the allocator's own */
	while (common + 1 < theirs->count && common < ours->frame_count &&
	       is_same(target, ours->frames[common], theirs, common + 1))
		common++;
	return common;
}

static enum verdict judge(const struct event_stack *ours, const struct reference_stack *theirs,
			  size_t common)
{
	bool is_whole = ours->status == STACK_COMPLETE || ours->status == STACK_SIGNAL ||
			ours->status == STACK_FRAME_POINTERS;
	bool is_end = common + 1 == theirs->count;

	if (is_end && common == ours->frame_count)
		return is_whole ? IDENTICAL : CUT;
	if (common == ours->frame_count && !is_whole)
		return CUT;
	if (is_end && (!theirs->is_whole || theirs->has_left_copy))
		return LIBDW_CUT;
	return WRONG;
}

static void show_frame(const char *path, uint64_t offset)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	printf(" %s+0x%" PRIx64, slash ? slash + 1 : "", offset);
}

static void show_ours(const struct event_stack *ours, size_t first, size_t end)
{
	printf("  ours, %s:", ours->status < STACK_STATUS_COUNT ? STATUS_NAMES[ours->status] : "?");
	for (size_t i = first; i < end && i < ours->frame_count; i++) {
		uint64_t frame = ours->frames[i], id = frame >> FRAME_MODULE_SHIFT;
		bool is_known = !(frame & FRAME_ABSOLUTE) && id && id <= modules.count;
		show_frame(is_known ? modules.items[id - 1]->path : NULL,
			   frame & (is_known ? FRAME_OFFSET_MASK : FRAME_ADDRESS_MASK));
	}
	printf(" (of %u)\n", ours->frame_count);
}

static void show_theirs(const struct target *target, const struct reference_stack *theirs,
			size_t first, size_t end)
{
	printf("  libdw, %s%s:", theirs->is_whole ? "whole" : theirs->error,
	       theirs->has_left_copy ? ", beyond the copied stack" : "");
	for (size_t i = first + 1; i <= end && i < theirs->count; i++) {
		uint64_t address = theirs->addresses[i];
		const struct mapping *mapping = maps_find(&target->maps, address);
		show_frame(mapping ? mapping->path : NULL,
			   address - (mapping ? mapping->start - mapping->file_offset : 0));
	}
	printf(" (of %zu)\n", theirs->count - 1);
}

/* The frames before and after the point at which they part. */
static void show(const struct target *target, const struct event_stack *ours,
		 const struct reference_stack *theirs, enum verdict verdict, size_t common)
{
	size_t first = common < 3 ? 0 : common - 3;

	printf("%s after %zu frames\n", VERDICT_NAMES[verdict], common);
	show_ours(ours, first, common + 3);
	show_theirs(target, theirs, first, common + 3);
}

static void compare(const struct stop *stop)
{
	static struct reference_stack theirs;
	struct target *target = target_of(stop->pid);
	const uint64_t *known = stop->stack ? map_get(&stacks, stop->stack) : NULL;
	const struct event_stack *ours = known ? (const void *)(uintptr_t)*known : NULL;

	if (!target || !target_update(target, true))
		return;
	if (!ours) { /* without a stack: no scratch slot was free; without a record: that was lost
		      */
		verdicts[stop->stack ? WRONG : CUT]++;
		statuses[STACK_NO_SLOT] += !stop->stack;
		return;
	}
	reference_walk(target->reference, stop, &theirs);
	if (theirs.count == 0)
		fail("libdw walks nothing of %d: %s", target->pid, theirs.error);
	size_t common = common_frames(target, ours, &theirs);
	enum verdict verdict = judge(ours, &theirs, common);
	verdicts[verdict]++;
	statuses[ours->status]++;
	frames_compared += common;
	if (verdict != IDENTICAL && verdicts[verdict] <= SHOWN_MAX)
		show(target, ours, &theirs, verdict, common);
}

static uint64_t stops_seen(void)
{
	uint64_t sum = 0;

	for (int i = 0; i < VERDICT_COUNT; i++)
		sum += verdicts[i];
	return sum;
}

static bool is_any_target_there(void)
{
	bool is_there = false;

	for (size_t i = 0; i < target_count; i++) {
		if (targets[i].is_child)
			is_there |= waitpid(targets[i].pid, NULL, WNOHANG) == 0;
		else
			is_there |= kill(targets[i].pid, 0) == 0;
	}
	return is_there;
}

static void run(void)
{
	const struct stop *stops;

	while (!is_ended && stops_seen() < wanted) {
		sampler_wait(sampler, 50);
		size_t count = sampler_stops(sampler, &stops);
		drain_stacks();
		for (size_t i = 0; i < count; i++)
			compare(&stops[i]);
		for (size_t i = 0; i < count; i++)
			kill((pid_t)stops[i].pid, SIGCONT);
		if (!count && !is_any_target_there())
			break;
	}
}

static void end_targets(void)
{
	const struct stop *stops;

	sampler_stop(sampler);
	for (size_t i = 0; i < target_count; i++) {
		if (!targets[i].is_child)
			continue;
		kill(targets[i].pid, SIGKILL);
		waitpid(targets[i].pid, NULL, 0);
	}
	/* a stop that was under way when it ended */
	usleep(100000);
	(void)sampler_stops(sampler, &stops);
	for (size_t i = 0; i < target_count; i++)
		if (!targets[i].is_child)
			kill(targets[i].pid, SIGCONT);
}

static int print_sum(void)
{
	struct sampler_counts counts = sampler_counts(sampler);
	uint64_t sum = stops_seen();

	for (int i = 1; i < STACK_STATUS_COUNT; i++)
		if (statuses[i])
			printf("status %s: %" PRIu64 "\n", STATUS_NAMES[i], statuses[i]);
	if (counts.missed || counts.stacks_lost)
		printf("%" PRIu64 " stops and %" PRIu64 " stacks found no room\n", counts.missed,
		       counts.stacks_lost);
	printf("of %" PRIu64 " calls, %" PRIu64 " frames: %.2f %% identical\n", counts.hits,
	       frames_compared, 100.0 * (double)verdicts[IDENTICAL] / (double)(sum ? sum : 1));
	printf("stops %" PRIu64 " identical %" PRIu64 " cut %" PRIu64 " libdw_cut %" PRIu64
	       " wrong %" PRIu64 "\n",
	       sum, verdicts[IDENTICAL], verdicts[CUT], verdicts[LIBDW_CUT], verdicts[WRONG]);
	return verdicts[WRONG] > 0;
}

static void end(int number)
{
	(void)number;
	is_ended = 1;
}

int main(int argc, char **argv)
{
	char *pids = NULL;
	int option;

	while ((option = getopt(argc, argv, "+n:e:p:")) != -1) {
		switch (option) {
		case 'n': wanted = (unsigned int)atoi(optarg); break;
		case 'e': every = (unsigned int)atoi(optarg); break;
		case 'p': pids = optarg; break;
		default: return 2;
		}
	}
	if (!wanted || !every || !pids == !argv[optind])
		fail("usage: fidelity [-n STOPS] [-e EVERY] -p PID[,PID...] | -- COMMAND [ARGUMENT...]");
	signal(SIGINT, end);
	signal(SIGTERM, end);
	int err = sampler_open(every, &sampler);
	if (err)
		fail("the kernel side: %s", strerror(-err));
	for (char *pid = pids ? strtok(pids, ",") : NULL; pid; pid = strtok(NULL, ","))
		if (!target_update(target_add((pid_t)atoi(pid), false), false))
			fail("there is no process %s", pid);
	if (!pids)
		target_start(argv + optind);
	run();
	end_targets();
	return print_sum();
}
