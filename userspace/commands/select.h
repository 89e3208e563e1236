/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which running processes an option means. */
#ifndef HEAPTRAIL_COMMANDS_SELECT_H
#define HEAPTRAIL_COMMANDS_SELECT_H

#include "commands/container.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum select_kind {
	SELECT_ALL,    /* value NULL */
	SELECT_COMM,   /* a shell pattern of the name that ps shows */
	SELECT_CGROUP, /* a control group's path, below /sys/fs/cgroup or as in /proc/PID/cgroup */
	SELECT_UNIT,   /* a systemd unit; without a suffix, a service */
	SELECT_CONTAINER, /* its whole id, or the pid of a process in it: see select_container() */
	SELECT_KIND_COUNT,
};

/*
 * The processes, by pid, not more than max; never the caller or a kernel thread. How many there are
 * (which may be more than max), or -errno: -EINVAL the value is no such thing.
 */
int select_processes(enum select_kind kind, const char *value, uint32_t *pids, size_t max);

#define SELECT_IDS_MAX 8

/*
 * What SELECT_CONTAINER takes, for what a person says: a name, the beginning of an id, or a pid.
 * ids: of running containers that are meant, where there are several (a 0-terminated text each).
 * How many are meant (at most SELECT_IDS_MAX), or -errno.
 */
int select_container(const char *value, char resolved[static CONTAINER_ID_SIZE],
		     char ids[static SELECT_IDS_MAX][CONTAINER_ID_SIZE]);

/* Is this process one of them? */
bool select_matches(enum select_kind kind, const char *value, uint32_t pid);

#endif
