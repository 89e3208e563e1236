// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/segment_files.h"

#include "capture/read.h"
#include "commands/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* For the header, and what the writer reserves for the end. */
#define BEGINNING_BYTES (1 << 20)

int segment_files_open(struct segment_files *files, const struct output *first, struct output *next)
{
	int status = output_open_segment(next, first, ++files->opened);

	if (status)
		return status;
	/* the segment before is not sealed for one that cannot begin; some file systems cannot
	 * reserve */
	if (fallocate(next->fd, FALLOC_FL_KEEP_SIZE, 0, BEGINNING_BYTES) == 0 ||
	    (errno != ENOSPC && errno != EDQUOT))
		return EXIT_DONE;
	status = command_fail(EXIT_FAILED, "%s: another segment has no room: %s", next->path,
			      strerror(errno));
	output_close(next);
	return status;
}

int segment_files_add(struct segment_files *files, const char *path, const uint8_t id[static 16])
{
	struct sealed_file *grown = realloc(files->sealed, (files->count + 1) * sizeof(*grown));
	char *copy = strdup(path);

	files->sealed = grown ? grown : files->sealed;
	if (!grown || !copy) {
		free(copy);
		return command_fail(EXIT_FAILED, "out of memory");
	}
	grown[files->count] = (struct sealed_file) { .path = copy };
	memcpy(grown[files->count++].id, id, sizeof(grown->id));
	return EXIT_DONE;
}

/* What is at its path now may be another file, or none: that one is left as it is. */
static bool is_there(const struct sealed_file *file, int fd)
{
	struct capture_header header;

	return fd >= 0 && capture_header_read(fd, &header) == 0 &&
	       memcmp(header.capture_id, file->id, sizeof(file->id)) == 0;
}

static int delete (const struct sealed_file *file, struct recording *recording)
{
	int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	int status = EXIT_DONE;

	if (is_there(file, fd)) {
		status = recording_note_deletion(recording, fd);
		/* one more than wanted is no reason to stop recording */
		if (!status && unlink(file->path))
			command_fail(EXIT_FAILED, "%s: cannot be deleted: %s", file->path,
				     strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return status;
}

int segment_files_trim(struct segment_files *files, struct recording *recording)
{
	int status = EXIT_DONE;

	while (!status && files->max && files->count + 1 > files->max) {
		status = delete (&files->sealed[0], recording);
		free(files->sealed[0].path);
		memmove(files->sealed, files->sealed + 1, --files->count * sizeof(*files->sealed));
	}
	return status;
}

void segment_files_free(struct segment_files *files)
{
	while (files->count)
		free(files->sealed[--files->count].path);
	free(files->sealed);
}
