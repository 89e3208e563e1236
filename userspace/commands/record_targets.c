// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom a recording is about. */
#include "base/cgroup.h"
#include "base/io.h"
#include "commands/command.h"
#include "commands/record_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUPS_TEXT_MAX 16384

static void read_proc(uint32_t pid, const char *name, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);
	out[n > 0 ? n : 0] = 0;
	io_close(&fd);
}

void record_describe(uint32_t pid, struct tracer_target *target)
{
	static char groups[GROUPS_TEXT_MAX];
	char path[64];

	*target = (struct tracer_target) { .pid = pid };
	read_proc(pid, "comm", target->comm, sizeof(target->comm));
	target->comm[strcspn(target->comm, "\n")] = 0;
	read_proc(pid, "cgroup", groups, sizeof(groups));
	cgroup_choose(groups, target->cgroup, sizeof(target->cgroup));
	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	ssize_t n = readlink(path, target->exe, sizeof(target->exe) - 1);
	target->exe[n > 0 ? n : 0] = 0;
}

bool record_is_selected(const struct record_options *options)
{
	return options->selected || options->sees_all;
}

int record_add_pid(struct record *record, uint32_t pid, uint32_t *site_count)
{
	struct tracer_target target;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	/* of those that an option meant, some are gone by now */
	if (pidfd < 0 && record_is_selected(&record->options))
		return EXIT_TARGET;
	if (pidfd < 0)
		return command_fail(EXIT_TARGET, "there is no process %u%s", pid,
				    errno == EINVAL ? " (it is a thread: give its process)" : "");
	if (!record_is_permitted(record, pid)) {
		close(pidfd);
		return record_is_selected(&record->options)
			       ? EXIT_TARGET
			       : command_fail(
					 EXIT_PERMISSION,
					 "pid %u is not yours alone: you may have recorded what runs as you, with "
					 "no other rights (access.policy: target=own)",
					 pid);
	}
	record_describe(pid, &target);
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

int record_select_targets(struct record_options *options)
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

int record_add_targets(struct record *record)
{
	size_t usable = 0;

	record->recording.passes_over_gone = record_is_selected(&record->options);
	for (size_t i = 0; i < record->options.pid_count; i++) {
		uint32_t site_count = 0;
		int status = record_add_pid(record, record->options.pids[i], &site_count);
		bool is_over = record->recording.tracer.socket < 0;
		if (status && (is_over || !record_is_selected(&record->options)))
			return status;
		usable += site_count > 0;
	}
	record->recording.passes_over_gone = false;
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

void record_consider(struct record *record, uint32_t pid)
{
	struct tracer_target target;

	/* held first: what is matched and described is then this process, or it is gone, and
	 * refused */
	int pidfd = record->stop_reason ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return;
	if (record_is_permitted(record, pid) &&
	    select_matches(record->options.selects, record->options.selected, pid)) {
		record_describe(pid, &target);
		/* a tracer that died is seen when it is heard next */
		(void)recording_offer_target(&record->recording, &target, pidfd);
	}
	close(pidfd);
}
