// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/io.h"
#include "base/text.h"
#include "capture/read.h"
#include "commands/command.h"
#include "commands/open.h"

#include <argp.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES (1u << 20)

static const struct argp_option OPTIONS[] = {
	{ "quiet", 'q', NULL, 0, "print only what failed", 0 },
	{ "state-dir", 'S', "DIR", 0, "whose captures (default /var/lib/heaptrail)", 0 },
	{ 0 },
};

struct arguments {
	const char *target, *state_directory;
	char **files; /* NULL-terminated; none: all captures of the state directory */
	bool is_quiet;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'q': arguments->is_quiet = true; return 0;
	case 'S': arguments->state_directory = value; return 0;
	case ARGP_KEY_ARG:
		arguments->target = value;
		arguments->files = state->argv + state->next;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->target)
			argp_error(state, "to which directory?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"DIRECTORY [FILE...]",
	"Copies captures that are complete to another directory, those that are not there yet, and verifies each "
	"copy by its signatures; no key is needed. Default: all of the state directory. A copy is whole or not there."
	"\vWhat was damaged here is not copied, and what is there is never replaced. Exit status: 0 all complete captures "
	"are there, 1 some are not, 6 one of them was tampered with.",
	NULL,
	NULL,
	NULL
};

struct backup {
	const struct arguments *arguments;
	size_t copied, present, incomplete;
	int status;
};

static void fail(struct backup *backup, int status, const char *path, const char *why)
{
	backup->status = command_fail(status, "%s: %s", path, why);
}

static int copy_bytes(int from, int to)
{
	uint8_t *buffer = malloc(COPY_BYTES);
	ssize_t n = -1;
	int err = buffer ? 0 : -ENOMEM;

	if (!err && lseek(from, 0, SEEK_SET))
		err = -errno;
	while (!err && (n = read(from, buffer, COPY_BYTES)) != 0)
		if (n > 0)
			err = io_write(to, buffer, (size_t)n);
		else if (errno != EINTR)
			err = -errno;
	if (!err && fsync(to))
		err = -errno;
	free(buffer);
	return err;
}

/* Is what is in fd, from its first to its last signature, what the verdict is of? */
static bool is_same(int fd, const struct capture_verdict *wanted)
{
	struct capture_verdict found;

	return capture_verify(fd, &found) == 0 && found.state == CAPTURE_COMPLETE &&
	       found.size == wanted->size &&
	       memcmp(found.chain, wanted->chain, sizeof(found.chain)) == 0;
}

/* Under a name that no capture has, verified from the disk's side of the page cache, then in its
 * place. */
static int copy_to(const char *path, int fd, const struct capture_verdict *verdict)
{
	char temporary[PATH_MAX];

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	int copy = mkostemp(temporary, O_CLOEXEC);
	int err = copy < 0 ? -errno : copy_bytes(fd, copy);
	if (!err) {
		(void)posix_fadvise(copy, 0, 0, POSIX_FADV_DONTNEED);
		if (!is_same(copy, verdict))
			err = -EIO;
	}
	/* never over another */
	if (!err && link(temporary, path))
		err = -errno;
	if (copy >= 0)
		(void)unlink(temporary);
	io_close(&copy);
	return err;
}

static void back_up(struct backup *backup, int fd, const char *source)
{
	const char *slash = strrchr(source, '/');
	struct capture_verdict verdict;
	char path[PATH_MAX];
	int err = capture_verify(fd, &verdict);

	if (err) {
		fail(backup, err == -EKEYREJECTED ? EXIT_INTEGRITY : EXIT_FAILED, source,
		     err == -EKEYREJECTED
			     ? "was tampered with: the signature of its header is wrong"
			     : "is no capture");
		return;
	}
	if (verdict.state == CAPTURE_INCOMPLETE) {
		backup->incomplete++;
		if (!backup->arguments->is_quiet)
			printf("left     %s: %s\n", source, verdict.reason);
		return;
	}
	if (verdict.state != CAPTURE_COMPLETE) {
		fail(backup, EXIT_INTEGRITY, source, verdict.reason);
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", backup->arguments->target,
		 slash ? slash + 1 : source);
	int there = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (there >= 0) {
		if (is_same(there, &verdict))
			backup->present++;
		else
			fail(backup, EXIT_INTEGRITY, path,
			     "is another capture, or damaged; look at it, and move it away");
		close(there);
		return;
	}
	err = copy_to(path, fd, &verdict);
	if (err) {
		fail(backup, EXIT_FAILED, path,
		     err == -EIO ? "the copy is not what was copied" : strerror(-err));
		return;
	}
	backup->copied++;
	if (!backup->arguments->is_quiet)
		printf("copied   %s\n", path);
}

static void back_up_file(struct backup *backup, const char *path)
{
	int fd, status = open_file(path, &fd);

	if (status)
		backup->status = status;
	else
		back_up(backup, fd, path);
	if (!status)
		close(fd);
}

static void back_up_folder(struct backup *backup, const char *folder)
{
	struct dirent *entry;
	struct stat st;
	char path[PATH_MAX];
	DIR *dir = opendir(folder);

	if (!dir) {
		fail(backup, EXIT_FAILED, folder, strerror(errno));
		return;
	}
	while ((entry = readdir(dir))) {
		struct capture_header header;
		if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >=
		    (int)sizeof(path))
			continue;
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		int err = fd < 0 ? -errno : 0;
		if (!err && (fstat(fd, &st) || !S_ISREG(st.st_mode)))
			err = -EINVAL;
		if (!err)
			err = capture_header_read(fd, &header);
		/* files that are no captures are none of ours */
		if (!err || err == -EKEYREJECTED)
			back_up(backup, fd, path);
		io_close(&fd);
	}
	closedir(dir);
}

static int sync_folder(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) ? -errno : 0;

	io_close(&fd);
	return err;
}

int backup_main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct backup backup = { .arguments = &arguments };
	char captures[PATH_MAX];
	struct stat st;

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	if (stat(arguments.target, &st) || !S_ISDIR(st.st_mode))
		return command_fail(EXIT_FAILED, "%s: is no directory", arguments.target);
	snprintf(captures, sizeof(captures), "%s/captures",
		 command_state_directory(arguments.state_directory));
	for (char **file = arguments.files; *file; file++)
		back_up_file(&backup, *file);
	if (!*arguments.files)
		back_up_folder(&backup, captures);
	int err = sync_folder(arguments.target);
	if (err)
		fail(&backup, EXIT_FAILED, arguments.target, strerror(-err));
	if (!arguments.is_quiet)
		printf("%zu copied and verified, %zu were there, %zu are not complete\n",
		       backup.copied, backup.present, backup.incomplete);
	return backup.status;
}
