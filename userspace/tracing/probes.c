// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/probes.h"

#include "base/clock.h"
#include "base/counters.h"
#include "base/io.h"
#include "bpf/settings.h"
#include "tracing/cookie.h"
#include "tracing/links.h"
#include "tracing/modules.h"
#include "tracing/tables.h"

#include "heaptrail.skel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct link_list {
	int *fds;
	size_t count;
};

struct probes {
	struct heaptrail *skeleton;
	enum attach_mode mode;
	struct ring *ring;
	const struct event_counters *counters; /* one per CPU */
	size_t counters_bytes;
	int cpu_count, online_count;
	struct tables *tables; /* NULL: stacks are walked by frame pointers */
	struct link_list allocations, frees, marks;
	size_t free_count; /* sites */
	uint32_t point_count;
};

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

/* Which programs a mode needs, and how the kernel must be told that they will be attached. */
static void choose_programs(struct heaptrail *skeleton, enum attach_mode mode)
{
	bool is_session = mode == ATTACH_SESSION;
	uint32_t multi = mode == ATTACH_PERF ? 0 : ATTACH_TYPE_UPROBE_MULTI;

	bpf_program__set_autoload(skeleton->progs.call_session, is_session);
	bpf_program__set_autoload(skeleton->progs.call_entry, !is_session);
	bpf_program__set_autoload(skeleton->progs.call_return, !is_session);
	bpf_program__set_expected_attach_type(skeleton->progs.call_session,
					      ATTACH_TYPE_UPROBE_SESSION);
	bpf_program__set_expected_attach_type(skeleton->progs.call_entry, multi);
	bpf_program__set_expected_attach_type(skeleton->progs.call_return, multi);
	bpf_program__set_expected_attach_type(skeleton->progs.call_free, multi);
	bpf_program__set_expected_attach_type(skeleton->progs.call_mark, multi);
}

static bool kernel_has_function(const char *name)
{
	struct btf *types = btf__load_vmlinux_btf();
	bool has_function = types && btf__find_by_name_kind(types, name, BTF_KIND_FUNC) > 0;

	btf__free(types);
	return has_function;
}

/* The kernel's number of the first namespace of pids, in all of its versions (proc_ns.h). */
#define FIRST_PID_NAMESPACE 0xeffffffcU

/* Of which the pids are that we are told, and tell. */
static uint32_t pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == FIRST_PID_NAMESPACE
		       ? 0
		       : (uint32_t)st.st_ino;
}

static int configure(struct probes *probes, const struct probes_options *options)
{
	struct heaptrail *skeleton = probes->skeleton;
	uint32_t cpus = (uint32_t)probes->cpu_count;
	int err;

	choose_programs(skeleton, probes->mode);
	skeleton->rodata->cpu_count = cpus;
	skeleton->rodata->target_pid = (uint32_t)options->target_pid;
	skeleton->rodata->start_boottime_ns = clock_boottime_ns();
	skeleton->rodata->recorder_pid = (uint32_t)options->recorder_pid;
	skeleton->rodata->pid_namespace = pid_namespace();
	skeleton->rodata->follows = options->follows;
	skeleton->rodata->sees_all = options->sees_all;
	skeleton->rodata->has_owner = options->has_owner;
	skeleton->rodata->owner_uid = options->owner_uid;
	skeleton->rodata->wakeup_bytes = (uint32_t)(options->ring_bytes / 8);
	skeleton->rodata->has_preempt_control = kernel_has_function("bpf_preempt_disable");
	skeleton->rodata->has_points = options->has_points;
	skeleton->rodata->has_mappings = options->has_mappings;
	skeleton->rodata->has_free_stacks = options->has_free_stacks;
	skeleton->rodata->has_tables = options->has_tables;
	err = bpf_map__set_max_entries(skeleton->maps.events, (uint32_t)options->ring_bytes);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.counters, cpus);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.slots, cpus * SLOTS_PER_CPU);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.code_caches, cpus);
	return err;
}

int probes_counters_fd(const struct probes *probes)
{
	return bpf_map__fd(probes->skeleton->maps.counters);
}

size_t probes_cpu_count(const struct probes *probes)
{
	return (size_t)probes->cpu_count;
}

static int map_counters(struct probes *probes)
{
	const struct event_counters *counters = counters_map(
		probes_counters_fd(probes), (size_t)probes->cpu_count, &probes->counters_bytes);

	if (counters == MAP_FAILED)
		return -errno;
	probes->counters = counters;
	return 0;
}

static int open_tables(struct probes *probes)
{
	struct heaptrail *skeleton = probes->skeleton;
	const struct tables_places places = {
		.chunks_fd = bpf_map__fd(skeleton->maps.tables),
		.modules = skeleton->bss->unwind_modules,
		.rules = skeleton->bss->unwind_rules,
	};

	return tables_open(&places, &probes->tables);
}

int probes_open(const struct probes_options *options, struct probes **out, const char **step)
{
	struct probes *probes = calloc(1, sizeof(*probes));
	int err = 0;

	if (!probes)
		return -ENOMEM;
	libbpf_set_print(print_nothing);
	*step = "attaching a trial probe";
	probes->mode = features_attach_mode(&err);
	err = probes->mode == ATTACH_NONE ? -err : 0;
	if (err)
		goto out;
	*step = "reading the kernel's types (/sys/kernel/btf/vmlinux)";
	probes->cpu_count = libbpf_num_possible_cpus();
	probes->online_count = (int)sysconf(_SC_NPROCESSORS_ONLN);
	probes->skeleton = heaptrail__open();
	if (!probes->skeleton) {
		err = -errno;
		goto out;
	}
	*step = "loading the BPF programs";
	err = configure(probes, options);
	if (!err)
		err = heaptrail__load(probes->skeleton);
	if (err)
		goto out;
	*step = "mapping the ring buffer";
	err = ring_open(probes_ring_fd(probes), options->ring_bytes, &probes->ring);
	if (!err)
		err = map_counters(probes);
	if (!err && options->has_tables)
		err = open_tables(probes);
out:
	if (err)
		probes_close(probes);
	else
		*out = probes;
	return err;
}

enum attach_mode probes_mode(const struct probes *probes)
{
	return probes->mode;
}

int probes_add_target(struct probes *probes, pid_t pid)
{
	uint32_t key = (uint32_t)pid;
	uint8_t value = 1;
	int fd = bpf_map__fd(probes->skeleton->maps.targets);

	return bpf_map_update_elem(fd, &key, &value, BPF_ANY) ? -errno : 0;
}

void probes_remove_target(struct probes *probes, pid_t pid)
{
	uint32_t key = (uint32_t)pid;

	(void)bpf_map_delete_elem(bpf_map__fd(probes->skeleton->maps.targets), &key);
}

/* One request for all sites of a kind: in SESSION and MULTI it becomes one link. */
static int attach(struct probes *probes, struct link_list *list, struct link_request *request,
		  struct bpf_program *program)
{
	size_t added = 0;
	int *grown = realloc(list->fds, (list->count + 2 * request->count) * sizeof(int));

	if (!grown)
		return -ENOMEM;
	list->fds = grown;
	request->program_fd = bpf_program__fd(program);
	int err = links_attach(probes->mode, request, list->fds + list->count, &added);
	list->count += added;
	return err;
}

static int attach_allocations(struct probes *probes, struct link_request *request)
{
	struct heaptrail *skeleton = probes->skeleton;

	if (probes->mode == ATTACH_SESSION) {
		request->is_session = true;
		return attach(probes, &probes->allocations, request, skeleton->progs.call_session);
	}
	/* a return without its entry is ignored, an entry without its return would count as under
	 * way */
	request->is_return = true;
	int err = attach(probes, &probes->allocations, request, skeleton->progs.call_return);
	request->is_return = false;
	if (err)
		return err;
	return attach(probes, &probes->allocations, request, skeleton->progs.call_entry);
}

/* Which program a site runs, in the order in which they are attached. */
enum site_class {
	SITE_MARKS,
	SITE_FREES,
	SITE_ALLOCATIONS,
	SITE_CLASS_COUNT
};

static enum site_class class_of(const struct probe_site *site)
{
	return cookie_is_mark(site)	    ? SITE_MARKS
	       : cookie_is_entry_only(site) ? SITE_FREES
					    : SITE_ALLOCATIONS;
}

static int attach_class(struct probes *probes, enum site_class class, struct link_request *request)
{
	struct heaptrail *skeleton = probes->skeleton;

	if (!request->count)
		return 0;
	switch (class) {
	case SITE_MARKS: return attach(probes, &probes->marks, request, skeleton->progs.call_mark);
	case SITE_FREES: return attach(probes, &probes->frees, request, skeleton->progs.call_free);
	default: return attach_allocations(probes, request);
	}
}

int probes_attach(struct probes *probes, int module_fd, const struct probe_site *sites,
		  size_t count, pid_t pid)
{
	int err = 0;

	for (int class = 0; !err && class < SITE_CLASS_COUNT; class ++) {
		uint64_t offsets[MODULE_SITES_MAX], cookies[MODULE_SITES_MAX],
			semaphores[MODULE_SITES_MAX];
		struct link_request request = { .file_fd = module_fd,
						.offsets = offsets,
						.semaphores = semaphores,
						.cookies = cookies,
						.pid = pid };
		for (size_t i = 0; i < count && i < MODULE_SITES_MAX; i++) {
			if (class_of(&sites[i]) != (enum site_class) class)
				continue;
			probes->free_count += class == SITE_FREES;
			if (cookie_is_point(&sites[i]) && probes->point_count == POINTS_MAX)
				return -ENOSPC;
			uint32_t point = cookie_is_point(&sites[i]) ? probes->point_count++ : 0;
			if (cookie_is_point(&sites[i]))
				cookie_point(&sites[i], &probes->skeleton->bss->points[point]);
			offsets[request.count] = sites[i].offset;
			semaphores[request.count] = sites[i].semaphore_offset;
			cookies[request.count++] = cookie_of(&sites[i], point);
		}
		probes->skeleton->bss->has_free_layers = probes->free_count > 1;
		err = attach_class(probes, (enum site_class) class, &request);
	}
	return err;
}

int probes_publish(struct probes *probes, const struct module *module, bool is_whole,
		   const struct unwind_blob *table)
{
	struct file_key key = { .inode = module->inode,
				.device = (uint32_t)(major(module->device) << 20 |
						     minor(module->device)) };

	if (module->is_vdso)
		key = (struct file_key) { .inode = VDSO_INODE, .device = VDSO_DEVICE };
	int err = probes->tables ? tables_put(probes->tables, module->id, is_whole, table)
				 : -EOPNOTSUPP;

	/* the system call orders what was written before it for every CPU */
	if (!err && !is_whole &&
	    bpf_map_update_elem(bpf_map__fd(probes->skeleton->maps.unwind_module_ids), &key,
				&module->id, BPF_ANY))
		err = -errno;
	return err;
}

void probes_mappings_changed(struct probes *probes, pid_t pid)
{
	struct generation *generations = probes->skeleton->bss->generations;

	__atomic_fetch_add(&generations[(uint32_t)pid & (GENERATION_SLOTS - 1)].number, 1,
			   __ATOMIC_RELAXED);
}

static void detach(struct link_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		close(list->fds[i]);
	free(list->fds);
	*list = (struct link_list) { 0 };
}

static void set_phase(struct probes *probes, enum phase phase)
{
	__atomic_store_n(&probes->skeleton->bss->phase, phase, __ATOMIC_SEQ_CST);
}

void probes_begin(struct probes *probes)
{
	set_phase(probes, PHASE_OPEN);
}

void probes_end_allocations(struct probes *probes)
{
	set_phase(probes, PHASE_FREES);
}

void probes_end(struct probes *probes)
{
	set_phase(probes, PHASE_CLOSED);
	/*
	 * A program that runs now may have looked before. It is inside an RCU read-side section,
	 * for whose end this waits; the kernel spares itself that where one CPU is online, or some
	 * have no tick. Detaching waits, too.
	 */
	if (probes->online_count > 1 && syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0)
		return;
	detach(&probes->allocations);
	detach(&probes->frees);
	detach(&probes->marks);
}

struct ring *probes_ring(const struct probes *probes)
{
	return probes->ring;
}

int probes_ring_fd(const struct probes *probes)
{
	return bpf_map__fd(probes->skeleton->maps.events);
}

/* Runs that the kernel skipped because the program was already running on that CPU. */
static uint64_t recursion_misses(const struct probes *probes)
{
	struct bpf_program *program;
	uint64_t misses = 0;

	bpf_object__for_each_program(program, probes->skeleton->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(program);
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			misses += info.recursion_misses;
	}
	return misses;
}

void probes_counters(const struct probes *probes, struct event_counters *sums)
{
	counters_sum(probes->counters, probes_cpu_count(probes), sums);
	sums->lost[LOSS_RECURSION] = recursion_misses(probes);
	sums->emitted += sums->lost[LOSS_RECURSION];
}

void probes_close(struct probes *probes)
{
	if (!probes)
		return;
	detach(&probes->allocations);
	detach(&probes->frees);
	detach(&probes->marks);
	ring_close(probes->ring);
	tables_close(probes->tables);
	if (probes->counters)
		munmap((void *)probes->counters, probes->counters_bytes);
	heaptrail__destroy(probes->skeleton);
	free(probes);
}
