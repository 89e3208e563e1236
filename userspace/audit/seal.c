// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Makes checkpoints. The tree of the lines that the last one signed is kept in a file, so that only
 * the lines since are read. It holds nothing that cannot be made again from the log.
 */
#include "audit/checkpoint.h"
#include "audit/lines.h"
#include "audit/state.h"
#include "audit/tree.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define TREE_NAME "tree"

/* The file, in this machine's byte order: it is of no use elsewhere. */
struct grown {
	char magic[8];
	uint64_t segment, offset; /* the tree has the lines up to there */
	struct audit_tree tree;
	uint8_t sum[16]; /* BLAKE2b of all before it */
};

static const char MAGIC[8] = "HTTREE1";

static void sum(const struct grown *grown, uint8_t out[static 16])
{
	crypto_generichash(out, 16, (const uint8_t *)grown, offsetof(struct grown, sum), NULL, 0);
}

/* From the first line on, if what is there is of no use. */
static void load(int directory, struct grown *grown)
{
	uint8_t expected[16];
	int fd = openat(directory, TREE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int err = fd < 0 ? -errno : io_read(fd, grown, sizeof(*grown));

	io_close(&fd);
	if (!err)
		sum(grown, expected);
	if (err || memcmp(grown->magic, MAGIC, sizeof(MAGIC)) != 0 ||
	    memcmp(expected, grown->sum, sizeof(expected)) != 0) {
		*grown = (struct grown) { .segment = 1 };
		memcpy(grown->magic, MAGIC, sizeof(MAGIC));
	}
}

static int add_line(void *context, const struct audit_line *line)
{
	struct grown *grown = context;

	audit_tree_add(&grown->tree, line->hash);
	return 0;
}

static int grow(int directory, struct grown *grown, const struct audit_extent *extent)
{
	char name[AUDIT_NAME_MAX];
	int err = 0;

	for (; !err && grown->segment <= extent->segment; grown->segment++) {
		bool is_current = grown->segment == extent->segment;
		int fd = openat(directory,
				is_current ? AUDIT_FILE_NAME
					   : audit_segment_name(name, grown->segment),
				O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
		if (size < 0)
			err = -errno;
		uint64_t end = is_current ? extent->size : (uint64_t)size;
		if (!err)
			err = audit_lines_read(fd, grown->offset, end, add_line, grown);
		io_close(&fd);
		grown->offset = is_current ? end : 0;
		if (is_current)
			break;
	}
	return err;
}

static int replace(int directory, const char *name, const void *data, size_t size)
{
	char temporary[AUDIT_NAME_MAX];

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);
	int err = fd < 0 ? -errno : io_write(fd, data, size);
	io_close(&fd);
	return err ? err : renameat(directory, temporary, directory, name) ? -errno : 0;
}

static int seal(int directory, const struct audit_host *host)
{
	struct audit_checkpoint checkpoint;
	struct audit_extent extent;
	char text[AUDIT_CHECKPOINT_MAX];
	struct grown grown;
	int state = audit_state_open(directory, AUDIT_STATE_NAME, false);
	int err = state < 0 ? state : audit_state_read_extent(state, &extent);

	io_close(&state);
	if (err)
		return err;
	load(directory, &grown);
	err = grow(directory, &grown, &extent);
	if (err || grown.tree.size != extent.sequence - 1)
		return -ESTALE;
	sum(&grown, grown.sum);
	checkpoint.size = grown.tree.size;
	audit_tree_root(&grown.tree, checkpoint.root);
	size_t size = audit_checkpoint_format(&checkpoint, host, text);
	err = replace(directory, TREE_NAME, &grown, sizeof(grown));
	return err ? err : replace(directory, AUDIT_CHECKPOINT_NAME, text, size);
}

int audit_log_seal(const char *path, const struct audit_host *host)
{
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int err = directory < 0 || flock(directory, LOCK_EX) ? -errno : seal(directory, host);

	io_close(&directory);
	return err;
}
