// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/select.h"

#include "base/io.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CGROUPS_ROOT	 "/sys/fs/cgroup/"
#define CONTAINER_ID_MIN 12
#define PROC_TEXT_MAX	 16384

/* The contents of a file of a process; "" where it is gone. */
static const char *read_of(uint32_t pid, const char *name)
{
	static char text[PROC_TEXT_MAX];
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	memset(text, 0, sizeof(text));
	if (fd >= 0)
		(void)io_read(fd, text, sizeof(text) - 1);
	io_close(&fd);
	return text;
}

static bool read_link(uint32_t pid, const char *name, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/%s", pid, name);
	ssize_t length = readlink(path, out, size - 1);
	out[length > 0 ? length : 0] = 0;
	return length > 0;
}

static bool is_any(uint32_t pid, const char *value)
{
	(void)pid, (void)value;
	return true;
}

static bool has_comm(uint32_t pid, const char *pattern)
{
	char comm[64];

	snprintf(comm, sizeof(comm), "%.63s", read_of(pid, "comm"));
	comm[strcspn(comm, "\n")] = 0;
	return fnmatch(pattern, comm, 0) == 0;
}

/* Visits the path of each hierarchy that a process is in: cgroups(7), /proc/PID/cgroup. */
static bool any_cgroup(uint32_t pid, bool (*matches)(const char *path, const char *value),
		       const char *value)
{
	char line[4096];

	for (const char *text = read_of(pid, "cgroup"); *text; text += *text == '\n') {
		size_t length = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		text += length;
		char *path = strchr(line, ':');
		path = path ? strchr(path + 1, ':') : NULL;
		if (path && matches(path + 1, value))
			return true;
	}
	return false;
}

/* The group itself, or one below it. */
static bool is_below(const char *path, const char *group)
{
	size_t length = strlen(group);

	while (length > 1 && group[length - 1] == '/')
		length--;
	return strncmp(path, group, length) == 0 && (path[length] == 0 || path[length] == '/');
}

/* Hierarchies of version 1 are mounted one folder deeper, the unified one beside them as well. */
static bool in_cgroup(uint32_t pid, const char *value)
{
	if (strncmp(value, CGROUPS_ROOT, strlen(CGROUPS_ROOT)) != 0)
		return any_cgroup(pid, is_below, value);
	const char *path = value + strlen(CGROUPS_ROOT) - 1, *deeper = strchr(path + 1, '/');
	return any_cgroup(pid, is_below, path) || (deeper && any_cgroup(pid, is_below, deeper));
}

static bool has_component(const char *path, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = path; (at = strstr(at, name)); at++)
		if (at > path && at[-1] == '/' && (at[length] == 0 || at[length] == '/'))
			return true;
	return false;
}

static bool in_unit(uint32_t pid, const char *value)
{
	char name[256];

	snprintf(name, sizeof(name), "%s%s", value, strchr(value, '.') ? "" : ".service");
	return any_cgroup(pid, has_component, name);
}

static bool contains(const char *path, const char *id)
{
	return strstr(path, id) != NULL;
}

/* By its whole id, which is in the names of its control groups; or as whoever shares a namespace of
 * pids. */
static bool in_container(uint32_t pid, const char *value)
{
	char theirs[64], wanted[64];

	if (strlen(value) >= CONTAINER_ID_MIN)
		return any_cgroup(pid, contains, value);
	return read_link((uint32_t)strtoul(value, NULL, 10), "ns/pid", wanted, sizeof(wanted)) &&
	       read_link(pid, "ns/pid", theirs, sizeof(theirs)) && strcmp(theirs, wanted) == 0;
}

static bool is_id(const char *value)
{
	size_t hex = strspn(value, "0123456789abcdef"), digits = strspn(value, "0123456789");

	return value[hex] == 0 && (hex >= CONTAINER_ID_MIN || (digits == hex && digits));
}

static bool is_text(const char *value)
{
	return *value && strlen(value) < 200;
}

static bool is_path(const char *value)
{
	return value[0] == '/' && value[1];
}

static const struct {
	bool (*matches)(uint32_t pid, const char *value);
	bool (*is_valid)(const char *value);
} SELECTORS[SELECT_KIND_COUNT] = {
	[SELECT_ALL] = { is_any, NULL },
	[SELECT_COMM] = { has_comm, is_text },
	[SELECT_CGROUP] = { in_cgroup, is_path },
	[SELECT_UNIT] = { in_unit, is_text },
	[SELECT_CONTAINER] = { in_container, is_id },
};

/* It has memory, which threads of the kernel have not; what it runs, not everybody may know. */
static bool is_program(uint32_t pid)
{
	return pid != (uint32_t)getpid() && strtoull(read_of(pid, "statm"), NULL, 10) > 0;
}

/* Ids of containers whose processes run, by the beginning of the id. */
static size_t running_ids(const char *digits, char (*ids)[CONTAINER_ID_SIZE])
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t count = 0;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			count = container_ids(
				read_of((uint32_t)strtoul(entry->d_name, NULL, 10), "cgroup"),
				digits, ids, count, SELECT_IDS_MAX);
	if (proc)
		closedir(proc);
	return count;
}

/* Whose namespaces only root may see has an id all the same, in the names of its control groups. */
static void resolve_pid(const char *value, char resolved[static CONTAINER_ID_SIZE])
{
	uint32_t pid = (uint32_t)strtoul(value, NULL, 10);
	char theirs[64], id[1][CONTAINER_ID_SIZE];

	if (!read_link(pid, "ns/pid", theirs, sizeof(theirs)) &&
	    container_ids(read_of(pid, "cgroup"), "", id, 0, 1) == 1)
		memcpy(resolved, id[0], CONTAINER_ID_SIZE);
	else
		snprintf(resolved, CONTAINER_ID_SIZE, "%s", value);
}

int select_container(const char *value, char resolved[static CONTAINER_ID_SIZE],
		     char ids[static SELECT_IDS_MAX][CONTAINER_ID_SIZE])
{
	size_t length = strlen(value), count = 0;
	uint32_t pid = 0;

	/* as docker has it, a name comes before an id that begins so; but few digits are a pid */
	if (length < CONTAINER_ID_MIN && strspn(value, "0123456789") == length) {
		resolve_pid(value, resolved);
		return 1;
	}
	if (container_by_name(&CONTAINER_PLACES, value, resolved, &pid) == 0) {
		if (pid)
			snprintf(resolved, CONTAINER_ID_SIZE, "%" PRIu32, pid);
		return 1;
	}
	if (strspn(value, "0123456789abcdef") == length)
		count = running_ids(value, ids);
	if (count == 1)
		memcpy(resolved, ids[0], CONTAINER_ID_SIZE);
	return count ? (int)count : -ENOENT;
}

bool select_matches(enum select_kind kind, const char *value, uint32_t pid)
{
	return is_program(pid) && SELECTORS[kind].matches(pid, value);
}

int select_processes(enum select_kind kind, const char *value, uint32_t *pids, size_t max)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t count = 0;

	if (!proc)
		return -errno;
	if (SELECTORS[kind].is_valid && !SELECTORS[kind].is_valid(value)) {
		closedir(proc);
		return -EINVAL;
	}
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		uint32_t pid = (uint32_t)strtoul(entry->d_name, NULL, 10);
		if (!select_matches(kind, value, pid))
			continue;
		if (count < max)
			pids[count] = pid;
		count++;
	}
	closedir(proc);
	return (int)count;
}
