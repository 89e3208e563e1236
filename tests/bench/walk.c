// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk CHAIN CHAIN_WITH_FRAME_POINTERS [ROUNDS]: what a stack of 10, 30 and 60 frames costs in the
 * kernel: by unwind tables on the program without frame pointers, by bpf_get_stack() on the one
 * with. The programs' own time by the kernel's statistics, less that of an empty one. As root.
 */
#include "symbols/elf.h"
#include "symbols/unwind_table.h"
#include "tracing/maps.h"
#include "tracing/modules.h"
#include "tracing/tables.h"

#include "walk.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS_BYTES (16u << 20)
#define CALLS	     20000
#define ROUNDS_MAX   101

static const unsigned int DEPTHS[] = { 10, 30, 60 };
#define DEPTH_COUNT (sizeof(DEPTHS) / sizeof(DEPTHS[0]))
#define FRAMES_BELOW \
	4 /* main and what calls it, and the bottom: part of the depth that is asked for */

struct chain {
	const char *path;
	pid_t pid;
	FILE *in, *out;
};

static struct walk *skeleton;
static struct tables *tables;
static uint32_t module_count;

static _Noreturn void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("walk: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void chain_start(struct chain *chain)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		fail("%s", strerror(errno));
	chain->pid = fork();
	if (chain->pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl(chain->path, chain->path, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	chain->in = fdopen(in[1], "w");
	chain->out = fdopen(out[0], "r");
}

static void chain_run(struct chain *chain, unsigned int depth, unsigned long calls)
{
	char line[64];

	fprintf(chain->in, "%u %lu\n", depth, calls);
	fflush(chain->in);
	if (!fgets(line, sizeof(line), chain->out))
		fail("%s ended", chain->path);
}

static void publish(const char *path)
{
	struct bytes_buffer bytes = { 0 };
	struct unwind_blob blob;
	struct elf *elf = NULL;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint32_t module = ++module_count;

	if (fd < 0 || fstat(fd, &st) || elf_open(fd, &elf) ||
	    unwind_table_compile(elf, false, &bytes) ||
	    unwind_blob_load(bytes.data, bytes.size, &blob) ||
	    tables_put(tables, module, false, &blob))
		fail("no table of %s", path);
	struct file_key key = { .inode = st.st_ino,
				.device = major(st.st_dev) << 20 | minor(st.st_dev) };
	if (bpf_map_update_elem(bpf_map__fd(skeleton->maps.unwind_module_ids), &key, &module,
				BPF_ANY))
		fail("%s", strerror(errno));
	bytes_free(&bytes);
	elf_close(elf);
	close(fd);
}

static void publish_modules_of(pid_t pid)
{
	char path[64], line[4352], *file, last[4352] = "";

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");

	while (maps && fgets(line, sizeof(line), maps)) {
		line[strcspn(line, "\n")] = 0;
		file = strchr(line, '/');
		if (!file || !strstr(line, " r-xp ") || strcmp(file, last) == 0)
			continue;
		strcpy(last, file);
		publish(file);
	}
	if (maps)
		fclose(maps);
}

static void find_leaf(const struct elf_symbol *symbol, void *context)
{
	if (strcmp(symbol->name, "chain_leaf") == 0)
		*(uint64_t *)context = symbol->address;
}

static size_t leaf_offset(const char *path)
{
	uint64_t address = 0, offset = 0;
	struct elf *elf = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || elf_open(fd, &elf))
		fail("%s cannot be read", path);
	close(fd);
	elf_each_function(elf, find_leaf, &address);
	if (!address || !elf_offset_of(elf, address, &offset))
		fail("no chain_leaf in %s", path);
	elf_close(elf);
	return offset;
}

/* ns per run of the program while the chain calls its leaf. */
static double measure(struct bpf_program *program, struct chain *chain, unsigned int depth,
		      uint32_t *frames)
{
	struct bpf_prog_info before = { 0 }, after = { 0 };
	uint32_t size = sizeof(before);
	int fd = bpf_program__fd(program);
	struct bpf_link *link = bpf_program__attach_uprobe(program, false, chain->pid, chain->path,
							   leaf_offset(chain->path));

	if (!link)
		fail("attaching to %s: %s", chain->path, strerror(errno));
	chain_run(chain, depth - FRAMES_BELOW, 100);
	if (bpf_obj_get_info_by_fd(fd, &before, &size))
		fail("%s", strerror(errno));
	chain_run(chain, depth - FRAMES_BELOW, CALLS);
	size = sizeof(after);
	if (bpf_obj_get_info_by_fd(fd, &after, &size))
		fail("%s", strerror(errno));
	bpf_link__destroy(link);
	*frames = skeleton->bss->frames_found;
	if (after.run_cnt - before.run_cnt < CALLS)
		fail("only %llu of %d calls were seen",
		     (unsigned long long)(after.run_cnt - before.run_cnt), CALLS);
	return (double)(after.run_time_ns - before.run_time_ns) /
	       (double)(after.run_cnt - before.run_cnt);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void load(void)
{
	uint32_t cpus = (uint32_t)libbpf_num_possible_cpus();

	skeleton = walk__open();
	if (!skeleton)
		fail("%s", strerror(errno));
	skeleton->rodata->cpu_count = cpus;
	skeleton->rodata->has_tables = 1;
	bpf_map__set_max_entries(skeleton->maps.events, EVENTS_BYTES);
	bpf_map__set_max_entries(skeleton->maps.counters, cpus);
	bpf_map__set_max_entries(skeleton->maps.slots, cpus * SLOTS_PER_CPU);
	bpf_map__set_max_entries(skeleton->maps.code_caches, cpus);
	if (walk__load(skeleton))
		fail("the programs do not load: %s", strerror(errno));
	const struct tables_places places = {
		.chunks_fd = bpf_map__fd(skeleton->maps.tables),
		.modules = skeleton->bss->unwind_modules,
		.rules = skeleton->bss->unwind_rules,
	};
	if (tables_open(&places, &tables))
		fail("no room for tables");
}

int main(int argc, char **argv)
{
	static double ours[DEPTH_COUNT][ROUNDS_MAX], kernels[DEPTH_COUNT][ROUNDS_MAX];
	int rounds = argc > 3 ? atoi(argv[3]) : 9;
	uint32_t frames[2][DEPTH_COUNT], nothing;

	if (argc < 3 || rounds < 1 || rounds > ROUNDS_MAX)
		fail("usage: walk CHAIN CHAIN_WITH_FRAME_POINTERS [ROUNDS]");
	struct chain without = { .path = argv[1] }, with = { .path = argv[2] };
	load();
	if (bpf_enable_stats(BPF_STATS_RUN_TIME) < 0)
		fail("statistics: %s", strerror(errno));
	chain_start(&without);
	chain_start(&with);
	chain_run(&without, 1, 1);
	chain_run(&with, 1, 1);
	publish_modules_of(without.pid);
	for (int round = 0; round < rounds; round++) {
		for (size_t i = 0; i < DEPTH_COUNT; i++) {
			double empty = measure(skeleton->progs.walk_empty, &without, DEPTHS[i],
					       &nothing);
			ours[i][round] = measure(skeleton->progs.walk_tables, &without, DEPTHS[i],
						 &frames[0][i]) -
					 empty;
			if (skeleton->bss->status_found != STACK_COMPLETE)
				fail("status %u", skeleton->bss->status_found);
			kernels[i][round] = measure(skeleton->progs.walk_kernel, &with, DEPTHS[i],
						    &frames[1][i]) -
					    empty;
		}
	}
	printf("a stack, ns in the kernel, median of %d: by tables without frame pointers; by "
	       "bpf_get_stack with them\n",
	       rounds);
	for (size_t i = 0; i < DEPTH_COUNT; i++) {
		double a = median(ours[i], (size_t)rounds), b = median(kernels[i], (size_t)rounds);
		printf("  %2u frames  %7.0f (%u found)  %7.0f (%u found)  x %.2f\n", DEPTHS[i], a,
		       frames[0][i], b, frames[1][i], a / b);
	}
	fclose(without.in);
	fclose(with.in);
	while (wait(NULL) > 0)
		;
	return 0;
}
