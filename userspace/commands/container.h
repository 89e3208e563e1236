/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person calls a container, made into what its processes have in common. Nobody is asked:
 * names are read from the files that docker, podman and systemd keep, ids from the names of control
 * groups.
 */
#ifndef HEAPTRAIL_COMMANDS_CONTAINER_H
#define HEAPTRAIL_COMMANDS_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

#define CONTAINER_ID_SIZE 65 /* 64 hex digits and a 0 */

/* Where names are kept; the usual places, or a test's. */
struct container_places {
	const char *docker;   /* a folder for each container: ID/config.v2.json */
	const char *podman;   /* containers.json */
	const char *machines; /* a file for each machine, with LEADER=PID */
};

extern const struct container_places CONTAINER_PLACES;

/*
 * A container by its name: id ("" if it has none), or the pid of its first process. 0; -ENOENT:
 * nobody knows the name.
 */
int container_by_name(const struct container_places *places, const char *name,
		      char id[static CONTAINER_ID_SIZE], uint32_t *pid);

/*
 * Ids in the text of /proc/PID/cgroup that begin with the digits: each distinct one is added to
 * ids, at most max. How many ids there are now.
 */
size_t container_ids(const char *cgroups, const char *digits, char (*ids)[CONTAINER_ID_SIZE],
		     size_t count, size_t max);

#endif
