// SPDX-License-Identifier: GPL-2.0-or-later
/* From a target to probe sites: its mappings by the resolver, its modules by the symbolizer. */
#include "base/clock.h"
#include "base/functions.h"
#include "base/io.h"
#include "base/map.h"
#include "base/message.h"
#include "base/text.h"
#include "base/unwind_blob.h"
#include "workers/tracer.h"
#include "workers/worker.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define NO_ELF_KEPT_MAX 64
#define MAPS_TEXT_MAX	(64u << 20)

int tracer_resolve(struct tracer *tracer, enum message_type type, const void *body, size_t size,
		   int pidfd)
{
	static const struct message_rule RULES[] = {
		{ RESOLVER_FILE, 0, 1 },
		{ MESSAGE_FAILURE, sizeof(struct failure), 0 },
	};
	static struct message message;
	const struct call call = { .helper = HELPER_RESOLVER,
				   .type = type,
				   .body = body,
				   .size = size,
				   .fds = &pidfd,
				   .fd_count = pidfd != NO_PIDFD };

	if (pidfd == -1) /* the target is gone */
		return -ESRCH;
	tracer_call(tracer, &call, RULES, 2, &message);
	if (message.type == MESSAGE_FAILURE) {
		int error = ((const struct failure *)message.body)->error;
		return error > 0 && error < 4096 ? -error : -EIO;
	}
	return message_take_fd(&message, 0);
}

struct target *tracer_target(struct tracer *tracer, uint32_t pid)
{
	const uint64_t *index = map_get(&tracer->target_indexes, pid);

	return index ? tracer->targets[*index] : NULL;
}

static struct target *put_target(struct tracer *tracer, uint32_t pid, int pidfd)
{
	size_t count = tracer->target_count;
	struct target *target = count < TARGETS_MAX ? calloc(1, sizeof(*target)) : NULL;

	if (target && (count & (count - 1)) == 0) {
		struct target **grown = realloc(tracer->targets,
						(count ? count * 2 : 1) * sizeof(*grown));
		if (grown)
			tracer->targets = grown;
		else
			free(target), target = NULL;
	}
	if (!target || map_put(&tracer->target_indexes, pid, count)) {
		free(target);
		return NULL;
	}
	target->pid = pid;
	target->pidfd = pidfd;
	target->is_gone = pidfd < 0;
	tracer->targets[tracer->target_count++] = target;
	return target;
}

struct target *tracer_add_target(struct tracer *tracer, const struct tracer_target *identity,
				 int pidfd)
{
	struct target *target = put_target(tracer, identity->pid, pidfd);
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = tracer->target_count - 1 };

	if (!target)
		return NULL;
	if (pidfd >= 0 && epoll_ctl(tracer->epoll, EPOLL_CTL_ADD, pidfd, &event))
		worker_fail(1, errno, "epoll: %s", strerror(errno));
	if (!tracer->probes)
		return target;
	tracer_send(tracer, STREAM_TARGET, identity, sizeof(*identity));
	/* where it is full, the kernel side finds children by their parents */
	if (!tracer->options.target_pid && !tracer->options.sees_all && pidfd >= 0)
		(void)probes_add_target(tracer->probes, (pid_t)identity->pid);
	return target;
}

void tracer_send_module(struct tracer *tracer, const struct module *module)
{
	struct stream_module out = {
		.id = module->id,
		.build_id_size = module->inspection.build_id_size,
		.inode = module->inode,
		.size_bytes = module->size_bytes,
	};

	memcpy(out.build_id, module->inspection.build_id, sizeof(out.build_id));
	text_copy(out.path, sizeof(out.path), module->path);
	text_copy(out.note, sizeof(out.note), module->note);
	if (tracer->stream >= 0)
		tracer_send(tracer, STREAM_MODULE, &out, sizeof(out));
}

void tracer_send_ignored(struct tracer *tracer)
{
	struct module rest = { .id = (uint32_t)tracer->modules.count + 1, .path = "" };

	if (!tracer->ignored_count)
		return;
	snprintf(rest.note, sizeof(rest.note),
		 "%zu more files were not looked at: no ELF files, or too many",
		 tracer->ignored_count);
	tracer_send_module(tracer, &rest);
}

void tracer_send_traced(struct tracer *tracer, uint64_t count)
{
	struct module all = { .id = (uint32_t)tracer->modules.count + 1, .path = "" };

	if (!count)
		return;
	all.id += tracer->ignored_count != 0; /* that is another's */
	snprintf(
		all.note, sizeof(all.note),
		"a debugger or strace held a target: calls may be missing where it set breakpoints on "
		"what is probed");
	tracer_send_module(tracer, &all);
}

static void announce_module(struct tracer *tracer, const struct module *module)
{
	tracer_send_module(tracer, module);
	for (uint32_t i = 0; i < module->inspection.site_count; i++) {
		struct stream_site site = { .module = module->id, .site = module->sites[i] };
		struct tracer_site report = { .site = module->sites[i] };
		text_copy(report.module, sizeof(report.module), module->path);
		if (tracer->stream >= 0)
			tracer_send(tracer, STREAM_SITE, &site, sizeof(site));
		if (message_send(WORKER_SOCKET, TRACER_SITE, &report, sizeof(report), NULL, 0))
			exit(1);
	}
}

static int use_inspection(struct tracer *tracer, struct module *module, const void *bytes,
			  size_t size)
{
	int err = module_inspected(module, bytes, size);

	if (!err)
		module_choose_sites(module, tracer->options.has_mappings,
				    tracer->options.has_points, &tracer->marks_left);
	return err;
}

static int use_table(struct tracer *tracer, struct module *module, const void *bytes, size_t size)
{
	struct unwind_blob table;
	int err = unwind_blob_load(bytes, size, &table);

	return err ? err : probes_publish(tracer->probes, module, false, &table);
}

static int use_whole_table(struct tracer *tracer, struct module *module, const void *bytes,
			   size_t size)
{
	struct unwind_blob table;
	int err = unwind_blob_load(bytes, size, &table);

	return err ? err : probes_publish(tracer->probes, module, true, &table);
}

/* The person's functions, for the symbolizer: a row that concerns another file has no kind. */
static int write_functions(struct tracer *tracer, const struct module *module)
{
	int err = 0;

	for (size_t i = FUNCTION_COUNT; !err && i < functions_count(); i++) {
		struct user_function user = *functions_user(i);
		if (!user_function_concerns(&user, module->path))
			user.kind = 0;
		err = io_pwrite(tracer->functions, &user, sizeof(user),
				(off_t)((i - FUNCTION_COUNT) * sizeof(user)));
	}
	return err;
}

/* What the confined child found in the module's file. */
static int inspect(struct tracer *tracer, struct module *module)
{
	const struct symbolizer_request request = {
		.kind = SYMBOLIZER_INSPECT, .count = (uint32_t)(functions_count() - FUNCTION_COUNT)
	};
	int err = write_functions(tracer, module);

	return err ? err
		   : tracer_ask(tracer, module, &request, request.count ? tracer->functions : -1,
				use_inspection);
}

/* The module's unwind table, from the confined child to where the programs find it. */
static int publish_table(struct tracer *tracer, struct module *module, bool is_whole)
{
	const struct symbolizer_request request = { .kind = SYMBOLIZER_TABLE, .count = is_whole };

	return tracer_ask(tracer, module, &request, -1, is_whole ? use_whole_table : use_table);
}

/* The file behind a mapping, and its size. A descriptor or -errno. */
static int open_mapped(struct tracer *tracer, const struct target *target,
		       const struct mapping *mapping, uint64_t *size)
{
	struct resolver_request request = { .pid = target->pid,
					    .start = mapping->start,
					    .end = mapping->end };
	uint64_t device = modules_key(mapping->device, 0);
	struct stat st;

	*size = 0;
	if (map_get(&tracer->silent, device))
		return -EHOSTDOWN;
	int fd = tracer_resolve(tracer, RESOLVER_MODULE, &request, sizeof(request), target->pidfd);

	/* a second once, not for each of its files and each look at the mappings */
	if (fd == -ETIMEDOUT) {
		(void)map_put(&tracer->silent, device, 1);
		return -EHOSTDOWN;
	}
	/* The link may by now lead to another file that was mapped at the same address. */
	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != mapping->inode)) {
		close(fd);
		return -ESTALE;
	}
	if (fd >= 0)
		*size = (uint64_t)st.st_size;
	return fd;
}

/* Of files that are none, some are kept, to be told of; a target may map as many as it likes. */
static bool is_surplus(struct tracer *tracer, int fd)
{
	char magic[SELFMAG] = "";

	if (fd < 0 || (io_pread(fd, magic, sizeof(magic), 0) == 0 &&
		       memcmp(magic, ELFMAG, sizeof(magic)) == 0))
		return false;
	return tracer->no_elf_count++ >= NO_ELF_KEPT_MAX;
}

static void ignore(struct tracer *tracer, const struct mapping *mapping)
{
	if (map_put(&tracer->ignored, modules_key(mapping->device, mapping->inode), 1) == 0)
		tracer->ignored_count++;
}

/* A module for a file that is new. NULL: it is not looked at. */
static struct module *add_module(struct tracer *tracer, const struct mapping *mapping, int fd)
{
	struct module *module = is_surplus(tracer, fd)
					? NULL
					: modules_add(&tracer->modules, mapping->device,
						      mapping->inode, mapping->path);

	/* it will be seen again with each look at the mappings */
	if (!module)
		ignore(tracer, mapping);
	return module;
}

/* Has it brought as many as it may, or are there as many as there can be? */
static bool is_too_many(const struct tracer *tracer, const struct target *target)
{
	return target->module_count >= TARGET_MODULES_MAX || tracer->modules.count >= MODULES_MAX;
}

struct module *tracer_meet_module(struct tracer *tracer, struct target *target,
				  const struct mapping *mapping)
{
	struct module *module = modules_find(&tracer->modules, mapping->device, mapping->inode);
	uint64_t size = 0;

	/* one that was gone before it could be opened may be here to stay now */
	if ((module && module->fd >= 0) ||
	    (!module && map_get(&tracer->ignored, modules_key(mapping->device, mapping->inode))))
		return module;
	/* it is not even opened: there may be tens of thousands */
	if (!module && is_too_many(tracer, target)) {
		ignore(tracer, mapping);
		return NULL;
	}
	int fd = open_mapped(tracer, target, mapping, &size);
	if (!module) {
		module = add_module(tracer, mapping, fd);
		target->module_count += module != NULL;
	}
	if (!module) {
		io_close(&fd);
		return NULL;
	}
	module->note[0] = 0;
	if (fd < 0)
		module_note(module, "not inspected", fd);
	module->fd = fd < 0 ? -1 : fd;
	module->size_bytes = size;
	tracer->waiting_count += !module->is_waiting;
	module->is_waiting = true;
	return module;
}

int tracer_attach_module(struct tracer *tracer, const struct module *module)
{
	/* Up to 6.9 a link's pid filter lets only the main thread through; there the program
	 * filters. */
	pid_t pid = probes_mode(tracer->probes) == ATTACH_SESSION
			    ? (pid_t)tracer->options.target_pid
			    : 0;

	if (module->fd < 0 || module->inspection.site_count == 0)
		return 0;
	return probes_attach(tracer->probes, module->fd, module->sites,
			     module->inspection.site_count, pid);
}

/* The table comes first: stacks that pass the module wait for it. */
static void load_module(struct tracer *tracer, struct module *module)
{
	int table_err = 0, err = 0;

	if (module->fd >= 0 && tracer->probes)
		table_err = publish_table(tracer, module, false);
	/* nothing calls out of the vdso: where it is in a stack, a signal has interrupted it */
	if (!table_err && module->is_vdso && tracer->probes)
		table_err = publish_table(tracer, module, true);
	if (module->fd >= 0) {
		err = inspect(tracer, module);
		if (err)
			module_note(module, "not inspected", err);
	}
	/* a stack that is taken at a point begins in the middle of code */
	if (!err && !table_err && tracer->options.has_points && module->inspection.site_count &&
	    tracer->probes)
		table_err = publish_table(tracer, module, true);
	if (table_err && !module->note[0])
		module_note(module, "no unwind table", table_err);
	if (module->fd >= 0 && !err && tracer->stream >= 0)
		tracer_meet_debug(tracer, module);
	if (!err && module->inspection.refused && !module->note[0])
		snprintf(module->note, sizeof(module->note),
			 "%u functions are not probed: no instruction begins where their names are",
			 module->inspection.refused);
	if (!err && tracer->options.has_points && module->inspection.refused_points &&
	    !module->note[0])
		snprintf(
			module->note, sizeof(module->note),
			"%u otel_memory points are not probed: their arguments are not where they can be read",
			module->inspection.refused_points);
	if (!err && module->inspection.refused_marks && !module->note[0])
		snprintf(
			module->note, sizeof(module->note),
			"%u marks or tags are not probed: they are too many, or made by another header",
			module->inspection.refused_marks);
	if (tracer->is_attached && (err = tracer_attach_module(tracer, module)))
		module_note(module, "not probed", err);
	announce_module(tracer, module);
}

void tracer_load_modules(struct tracer *tracer, uint64_t time_max_ns)
{
	uint64_t start_ns = clock_now_ns();
	size_t count = tracer->modules.count;

	for (size_t i = 0; i < count && tracer->waiting_count; i++) {
		struct module *module = tracer->modules.items[i];
		bool is_new = module->is_waiting, needs_whole_table = module->needs_whole_table;
		if (!is_new && !needs_whole_table)
			continue;
		/* the ring is drained meanwhile, and may want more of the same module */
		module->is_waiting = module->needs_whole_table = false;
		tracer->waiting_count -= is_new + needs_whole_table;
		if (is_new)
			load_module(tracer, module);
		/* without it, stacks go on saying that a signal interrupted the module */
		if (needs_whole_table)
			(void)publish_table(tracer, module, true);
		/* rings do not wait for a thousand modules */
		if (tracer->is_attached)
			(void)tracer_drain_part(tracer, 8 * TRACER_DRAIN_BYTES);
		if (clock_now_ns() - start_ns >= time_max_ns)
			break;
	}
}

static int read_maps(struct tracer *tracer, struct target *target, struct maps *maps)
{
	struct resolver_request request = { .pid = target->pid };
	char *text = NULL;
	size_t size = 0;
	int fd = tracer_resolve(tracer, RESOLVER_MAPS, &request, sizeof(request), target->pidfd);

	if (fd < 0)
		return fd;
	int err = io_read_all(fd, MAPS_TEXT_MAX, &text, &size);
	if (!err)
		err = maps_parse(text, size, maps);
	free(text);
	close(fd);
	return err;
}

int tracer_meet_maps(struct tracer *tracer, struct target *target)
{
	struct maps maps;
	int err = read_maps(tracer, target, &maps);

	/* whoever has no program any more is exiting */
	if (!err && maps.count == 0)
		err = -ESRCH;
	target->maps_ns = clock_now_ns();
	target->has_unknown_frames = false;
	if (err)
		return err;
	/*
	 * The executable first, which is lowest; then from the highest on, as libraries that are
	 * loaded at the start are above what is mapped later. So whoever maps very many files does
	 * not hide their allocator behind them.
	 */
	for (size_t i = 0; i < maps.count; i++) {
		struct mapping *mapping = &maps.items[i ? maps.count - i : 0];
		struct module *module = tracer_meet_module(tracer, target, mapping);
		mapping->module = module ? module->id : 0;
	}
	maps_free(&target->maps);
	target->maps = maps;
	return 0;
}

int tracer_scan(struct tracer *tracer, struct target *target)
{
	int err = tracer_meet_maps(tracer, target);

	if (err)
		return err;
	tracer_load_modules(tracer, UINT64_MAX);
	if (!target->code && tracer->probes)
		tracer_seek_map(tracer, target);
	return 0;
}
