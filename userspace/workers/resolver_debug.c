// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where split debug files are. Names come from files that a target chose: they lead to nothing but
 * what is called .debug beside a file that the target runs, as the target itself sees it, or is
 * below the system's directory of debug files, or the target's own by build id. Whether it is the
 * right one, its reader finds out.
 */
#include "base/io.h"
#include "base/text.h"
#include "workers/opens.h"
#include "workers/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEBUG_DIRECTORY "/usr/lib/debug"
#define SUFFIX		".debug"

static int open_below(const char *root_path, const char *path, const struct open_how *how)
{
	int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return -errno;
	int fd = resolver_open_regular((int)syscall(SYS_openat2, root, path, how, sizeof(*how)));
	close(root);
	return fd;
}

#define BUILD_ID_PATH_MAX (2 * BUILD_ID_MAX + 32)

/* Within a directory of debug files. 0 or -EINVAL. */
static int build_id_path(const struct resolver_debug *build_id, char path[static BUILD_ID_PATH_MAX])
{
	char hex[2 * BUILD_ID_MAX + 1];

	if (build_id->size < 2 || build_id->size > BUILD_ID_MAX)
		return -EINVAL;
	text_hex(hex, build_id->build_id, build_id->size);
	snprintf(path, BUILD_ID_PATH_MAX, ".build-id/%.2s/%s" SUFFIX, hex, hex + 2);
	return 0;
}

int resolver_debug(const struct resolver_debug *request)
{
	char path[BUILD_ID_PATH_MAX];
	int err = build_id_path(request, path);

	/* a link there may lead anywhere: it is root's */
	return err ? err : open_below(DEBUG_DIRECTORY, path, &OPEN_FROM);
}

static bool is_name_of_debug(const char *name, size_t room)
{
	size_t size = strnlen(name, room);

	return size < room && size > strlen(SUFFIX) && !strchr(name, '/') &&
	       strcmp(name + size - strlen(SUFFIX), SUFFIX) == 0;
}

/* The folder of a mapped file, as the kernel calls it. */
static int read_folder(const struct resolver_request *mapping, char folder[static PATH_MAX])
{
	char link[96];

	snprintf(link, sizeof(link), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, mapping->pid,
		 mapping->start, mapping->end);
	ssize_t size = readlink(link, folder, PATH_MAX);
	if (size < 0 || size == PATH_MAX)
		return size < 0 ? -errno : -ENAMETOOLONG;
	folder[size] = 0;
	char *slash = strrchr(folder, '/');
	if (folder[0] != '/' || !slash)
		return -ENOENT;
	*slash = 0;
	return 0;
}

/* A container has its own directory of debug files. */
static int open_own(const char *root, const struct resolver_debug *build_id)
{
	char within[BUILD_ID_PATH_MAX], path[sizeof(DEBUG_DIRECTORY) + sizeof(within)];
	int err = build_id_path(build_id, within);

	snprintf(path, sizeof(path), DEBUG_DIRECTORY "/%s", within);
	return err ? err : open_below(root, path, &OPEN_IN_ROOT);
}

/* In the order of gdb: by build id, beside the file, in .debug there, in the system's directory. */
int resolver_beside(const struct resolver_beside *request)
{
	static const char *const BETWEEN[] = { "", "/.debug" };
	char folder[PATH_MAX], root[64], path[PATH_MAX + sizeof(request->name) + 16];
	int fd;

	snprintf(root, sizeof(root), "/proc/%u/root", request->mapping.pid);
	fd = open_own(root, &request->build_id);
	if (fd >= 0 || !is_name_of_debug(request->name, sizeof(request->name)))
		return fd;
	fd = read_folder(&request->mapping, folder);
	if (fd)
		return fd;
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s%s/%s", folder, BETWEEN[i], request->name);
		fd = open_below(root, path, &OPEN_IN_ROOT);
		if (fd >= 0)
			return fd;
	}
	snprintf(path, sizeof(path), ".%s/%s", folder, request->name);
	return open_below(DEBUG_DIRECTORY, path, &OPEN_BENEATH);
}

int resolver_common(const struct resolver_common *request)
{
	static const char FOLDER[] = "/.dwz/";
	int fd = resolver_debug(&request->build_id);

	if (fd >= 0 || strnlen(request->path, sizeof(request->path)) == sizeof(request->path))
		return fd;
	const char *path = strstr(request->path, FOLDER);
	return path ? open_below(DEBUG_DIRECTORY, path + 1, &OPEN_BENEATH) : -ENOENT;
}
