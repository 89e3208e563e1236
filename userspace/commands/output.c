// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/output.h"

#include "base/io.h"
#include "commands/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX	  ".heaptrail"
#define AGAIN_MAX 100

static int make_directory(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return EXIT_DONE;
	return command_fail(
		errno == EACCES ? EXIT_PERMISSION : EXIT_FAILED,
		"%s: cannot be created: %s; run as root, or choose another place with -o", path,
		strerror(errno));
}

/* comm is the target's choice: only what is harmless in a file name is kept. */
static int default_path(struct output *output, const char *state_directory, const char *comm,
			int pid)
{
	char when[32], name[32] = "", again[16] = "";
	time_t now = time(NULL);
	struct tm tm;
	int status = make_directory(state_directory, 0711);

	snprintf(output->directory, sizeof(output->directory), "%s/captures", state_directory);
	if (!status)
		status = make_directory(output->directory, 0700);
	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	for (size_t i = 0; comm[i] && i < sizeof(name) - 1; i++) {
		bool is_plain = (comm[i] >= '0' && comm[i] <= '9') ||
				(comm[i] >= 'a' && comm[i] <= 'z') ||
				(comm[i] >= 'A' && comm[i] <= 'Z') || comm[i] == '-' ||
				comm[i] == '_';
		name[i] = is_plain ? comm[i] : '_';
		name[i + 1] = 0;
	}
	/* the same process, within a second */
	for (unsigned i = 2; !status && i < AGAIN_MAX; i++) {
		if (snprintf(output->path, sizeof(output->path), "%s/%s-%s-%d%s" SUFFIX,
			     output->directory, when, name, pid,
			     again) >= (int)sizeof(output->path))
			return command_fail(EXIT_FAILED, "the capture's path is too long");
		if (access(output->path, F_OK))
			break;
		snprintf(again, sizeof(again), "-%u", i);
	}
	return status;
}

static int given_path(struct output *output, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (strlen(path) >= sizeof(output->path))
		return command_fail(EXIT_MISUSED, "-o: the path is too long");
	strcpy(output->path, path);
	if (!slash)
		strcpy(output->directory, ".");
	else
		snprintf(output->directory, sizeof(output->directory), "%.*s",
			 (int)(slash == path ? 1 : slash - path), path);
	return EXIT_DONE;
}

static int open_nameless(struct output *output)
{
	/* found out now rather than after a minute of recording; output_publish() is what counts */
	if (access(output->path, F_OK) == 0)
		return command_fail(EXIT_FAILED,
				    "%s: exists already, and captures are never overwritten; "
				    "choose another name with -o",
				    output->path);
	output->fd = open(output->directory, O_TMPFILE | O_RDWR | O_CLOEXEC,
			  output->is_for_group ? 0640 : 0600);
	if (output->fd >= 0)
		return EXIT_DONE;
	return command_fail(errno == EACCES || errno == EROFS ? EXIT_PERMISSION : EXIT_FAILED,
			    "%s: a capture cannot be created there: %s", output->directory,
			    strerror(errno));
}

int output_open(struct output *output, const char *path, const char *state_directory,
		const char *comm, int pid)
{
	int status = path ? given_path(output, path)
			  : default_path(output, state_directory, comm, pid);

	return status ? status : open_nameless(output);
}

int output_open_segment(struct output *output, const struct output *first, unsigned n)
{
	size_t length = strlen(first->path), suffix = strlen(SUFFIX);
	bool has_suffix = length > suffix && strcmp(first->path + length - suffix, SUFFIX) == 0;

	*output = *first;
	output->fd = -1;
	if (snprintf(output->path, sizeof(output->path), "%.*s.%u%s",
		     (int)(has_suffix ? length - suffix : length), first->path, n,
		     has_suffix ? SUFFIX : "") >= (int)sizeof(output->path))
		return command_fail(EXIT_FAILED, "the segment's path is too long");
	return open_nameless(output);
}

int output_publish(struct output *output)
{
	char self[32];
	int directory;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", output->fd);
	if (linkat(AT_FDCWD, self, AT_FDCWD, output->path, AT_SYMLINK_FOLLOW))
		return command_fail(EXIT_FAILED, "%s: %s", output->path,
				    errno == EEXIST
					    ? "exists already, and captures are never overwritten"
					    : strerror(errno));
	directory = open(output->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory >= 0)
		fsync(directory);
	io_close(&directory);
	return EXIT_DONE;
}

void output_close(struct output *output)
{
	io_close(&output->fd);
}
