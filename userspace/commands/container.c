// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/container.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_DIGITS 64

const struct container_places CONTAINER_PLACES = {
	.docker = "/var/lib/docker/containers",
	.podman = "/var/lib/containers/storage/overlay-containers/containers.json",
	.machines = "/run/systemd/machines"
};

static bool is_id(const char *text)
{
	return strlen(text) == ID_DIGITS && strspn(text, "0123456789abcdef") == ID_DIGITS;
}

/* docker's own description of a container: its name begins with a slash. */
static bool is_docker_name(const char *folder, const char *id, const char *name)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s/config.v2.json", folder, id);
	json_t *config = json_load_file(path, 0, NULL);
	const char *known = json_string_value(json_object_get(config, "Name"));
	bool is_it = known && known[0] == '/' && strcmp(known + 1, name) == 0;
	json_decref(config);
	return is_it;
}

static bool find_docker(const char *folder, const char *name, char id[static CONTAINER_ID_SIZE])
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool is_found = false;

	while (dir && !is_found && (entry = readdir(dir)))
		if (is_id(entry->d_name) && is_docker_name(folder, entry->d_name, name)) {
			memcpy(id, entry->d_name, CONTAINER_ID_SIZE);
			is_found = true;
		}
	if (dir)
		closedir(dir);
	return is_found;
}

/* [{"id": "…", "names": ["…"]}, …] */
static bool find_podman(const char *path, const char *name, char id[static CONTAINER_ID_SIZE])
{
	json_t *all = json_load_file(path, 0, NULL), *container, *known;
	bool is_found = false;
	size_t i, k;

	json_array_foreach(all, i, container)
		json_array_foreach(json_object_get(container, "names"), k, known)
	{
		const char *its = json_string_value(json_object_get(container, "id"));
		if (!is_found && json_is_string(known) &&
		    strcmp(json_string_value(known), name) == 0 && its && is_id(its)) {
			memcpy(id, its, CONTAINER_ID_SIZE);
			is_found = true;
		}
	}
	json_decref(all);
	return is_found;
}

/* systemd-machined's, of systemd-nspawn and whoever else registers there. */
static bool find_machine(const char *folder, const char *name, uint32_t *pid)
{
	char path[1024], line[512];
	unsigned leader = 0;

	if (strchr(name, '/') || name[0] == '.')
		return false;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "LEADER=%u", &leader) == 1)
			*pid = leader;
	if (file)
		fclose(file);
	return leader != 0;
}

int container_by_name(const struct container_places *places, const char *name,
		      char id[static CONTAINER_ID_SIZE], uint32_t *pid)
{
	*id = 0;
	*pid = 0;
	return find_docker(places->docker, name, id) || find_podman(places->podman, name, id) ||
			       find_machine(places->machines, name, pid)
		       ? 0
		       : -ENOENT;
}

static bool is_listed(char (*ids)[CONTAINER_ID_SIZE], size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(ids[i], id, ID_DIGITS) == 0)
			return true;
	return false;
}

size_t container_ids(const char *cgroups, const char *digits, char (*ids)[CONTAINER_ID_SIZE],
		     size_t count, size_t max)
{
	static const char HEX[] = "0123456789abcdef";

	/* docker-ID.scope, crio-ID.scope, libpod-ID, /docker/ID, /kubepods/…/ID: the id is a row of
	 * 64 digits */
	for (const char *at = cgroups; *at;) {
		size_t length = strspn(at, HEX);
		if (length == ID_DIGITS && strncmp(at, digits, strlen(digits)) == 0 &&
		    !is_listed(ids, count, at) && count < max) {
			memcpy(ids[count], at, ID_DIGITS);
			ids[count++][ID_DIGITS] = 0;
		}
		at += length ? length : 1;
	}
	return count;
}
