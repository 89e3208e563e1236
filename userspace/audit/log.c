// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/lines.h"
#include "audit/log_parts.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESERVE_BYTES                                                                             \
	(1 << 20) /* of disk beyond the log's end, for what must be written when there is no more \
		   */

void audit_log_mirror(const struct audit_log *log, const char *line, size_t size)
{
	if (log->host.mirror)
		log->host.mirror(log->host.context, line, size);
}

/* --- append --- */

/* Another process may have appended since, or begun a segment. */
static int refresh(struct audit_log *log, struct damage *damage)
{
	struct stat st;
	int err = 0;

	if (fstat(log->state_fd, &st))
		return -errno;
	if (st.st_nlink == 0)
		err = audit_log_reopen(log);
	else
		err = audit_state_read(log->state_fd, &log->state);
	return err ? err : audit_log_compare(log, damage);
}

/* What is not durable must not look like it: it is taken back. */
static int take_back(struct audit_log *log, int err)
{
	(void)!ftruncate(log->fd, (off_t)log->state.size);
	return err;
}

int audit_log_write(struct audit_log *log, const struct audit_record *record)
{
	struct audit_state *state = &log->state;
	char line[AUDIT_LINE_MAX];
	size_t size = audit_record_format(record, &state->next, line);
	ssize_t n = write(log->fd, line, size);

	if (n != (ssize_t)size)
		return take_back(log, n < 0 ? -errno : -ENOSPC);
	if (fdatasync(log->fd)) {
		int err = take_back(log, -errno);
		/* the kernel may call the next one good although the data is lost: nothing more
		 * goes into this file */
		state->is_failed = true;
		(void)audit_state_write(log->state_fd, state);
		return err;
	}
	crypto_hash_sha256(state->next.previous, (const uint8_t *)line, size);
	state->next.sequence++;
	state->size += size;
	/* before anything happens because of the record, the key that could forge it is gone */
	audit_key_evolve(state->next.key);
	int err = audit_state_write(log->state_fd, state);
	if (!err)
		audit_log_mirror(log, line, size);
	return err;
}

/* Room on the disk for the records that follow: denials and closings, also when everything else is
 * full. */
static int reserve(struct audit_log *log)
{
	if (log->state.size + RESERVE_BYTES / 2 <= log->reserved_end)
		return 0;
	if (fallocate(log->fd, FALLOC_FL_KEEP_SIZE, (off_t)log->state.size, RESERVE_BYTES)) {
		/* a file system that cannot reserve promises nothing, but works */
		if (errno != EOPNOTSUPP && errno != ENOSYS)
			return -errno;
	}
	log->reserved_end = log->state.size + RESERVE_BYTES;
	return 0;
}

int audit_log_append(struct audit_log *log, const struct audit_record *record)
{
	struct damage damage = { .why = "" };
	bool is_full = false;
	int err = 0;

	if (log->is_dead)
		return -EIO;
	if (flock(log->directory, LOCK_EX))
		err = -errno;
	if (!err)
		err = refresh(log, &damage);
	/* going on from what is left would hide that records are gone */
	if (!err && damage.why[0])
		err = -EBADMSG;
	if (!err && log->state.size >= AUDIT_SEGMENT_MAX)
		err = audit_log_begin_segment(log, false, "ok", "the segment before is full");
	if (!err && record->is_gate) {
		err = reserve(log);
		is_full = err == -ENOSPC || err == -EDQUOT;
	}
	if (!err)
		err = audit_log_write(log, record);
	flock(log->directory, LOCK_UN);
	log->is_dead = err != 0 && !is_full;
	return is_full ? -ENOSPC : err;
}

/* --- open --- */

int audit_log_check_owner(int fd, mode_t type)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if ((st.st_mode & S_IFMT) != type)
		return -EINVAL;
	return st.st_uid != geteuid() || st.st_mode & 022 ? -EPERM : 0;
}

static int open_directory(const char *path, int *directory)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	*directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *directory < 0 ? -errno : audit_log_check_owner(*directory, S_IFDIR);
}

struct count {
	uint64_t lines, sequence; /* lines after the record of that sequence */
	uint8_t previous[AUDIT_HASH_BYTES];
};

static int count_line(void *context, const struct audit_line *line)
{
	struct count *count = context;

	count->lines++;
	if (line->is_record) {
		count->sequence = audit_record_sequence(line->text, line->kept);
		count->lines = 0;
	}
	memcpy(count->previous, line->hash, sizeof(line->hash));
	return 0;
}

/* Where the file ends, from what it says itself. */
static int find_end(struct audit_log *log, const char *name)
{
	struct count count = { 0 };
	struct stat st;
	int fd = openat(log->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int err = fd < 0 ? -errno : audit_log_check_owner(fd, S_IFREG);

	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err)
		err = audit_lines_read(fd, 0, (uint64_t)st.st_size, count_line, &count);
	/* not one record: this is not a log */
	if (!err && !count.sequence)
		err = -EBADMSG;
	if (!err) {
		log->state.next.segment = audit_segment_of(fd);
		log->state.next.sequence = count.sequence + count.lines + 1;
		memcpy(log->state.next.previous, count.previous, sizeof(count.previous));
	}
	io_close(&fd);
	return err;
}

/* There is no state: the log is new, or its state is lost, and the files must say how far it was.
 */
static int begin_anew(struct audit_log *log)
{
	char name[AUDIT_NAME_MAX];
	uint64_t *segments;
	size_t count;
	int err = audit_segments_list(log->directory, &segments, &count);

	if (err)
		return err;
	log->state = (struct audit_state) { .next.sequence = 1 };
	err = find_end(log, AUDIT_FILE_NAME);
	if (err == -ENOENT && count)
		err = find_end(log, audit_segment_name(name, segments[count - 1]));
	free(segments);
	if (err == -ENOENT)
		return audit_log_begin_segment(log, true, "ok", "the log begins");
	return err ? err
		   : audit_log_begin_segment(log, true, "failed",
					     "the log's state was lost, and with it its keys");
}

/* The state's file is there, the log's is not. */
static int begin_without_file(struct audit_log *log)
{
	char name[AUDIT_NAME_MAX], why[160];
	struct stat st;

	/* a crash while the next segment began? */
	if (fstatat(log->directory, audit_segment_name(name, log->state.next.segment), &st,
		    AT_SYMLINK_NOFOLLOW) == 0 &&
	    (uint64_t)st.st_size == log->state.size)
		return audit_log_begin_segment(log, false, "ok", "the segment before was ended");
	snprintf(why, sizeof(why), "the file of segment %" PRIu64 " was removed",
		 log->state.next.segment);
	return audit_log_begin_segment(log, false, "failed", why);
}

static int open_files(struct audit_log *log)
{
	struct damage damage = { .why = "" };
	int err = audit_log_settle(log);

	if (!err)
		err = audit_log_reopen(log);
	if (err == -ENODATA)
		return begin_anew(log);
	if (err == -ENOENT)
		return begin_without_file(log);
	if (!err)
		err = audit_log_compare(log, &damage);
	if (err)
		return err;
	if (damage.why[0])
		return audit_log_begin_segment(log, false, "failed", damage.why);
	if (log->state.is_failed)
		return audit_log_begin_segment(
			log, false, "ok", "a record of the segment before could not be written");
	if (memcmp(log->state.auditors, log->host.auditors, sizeof(log->host.auditors)) != 0)
		return audit_log_begin_segment(log, false, "ok", "the auditors are others");
	return 0;
}

int audit_log_open(const char *path, const struct audit_host *host, struct audit_log **out)
{
	struct audit_log *log;
	int err;

	if (sodium_init() < 0)
		return -ENOSYS;
	log = sodium_malloc(sizeof(*log)); /* locked, and wiped when freed */
	if (!log)
		return -ENOMEM;
	*log = (struct audit_log) { .host = *host, .directory = -1, .fd = -1, .state_fd = -1 };
	err = open_directory(path, &log->directory);
	if (!err && flock(log->directory, LOCK_EX))
		err = -errno;
	if (!err)
		err = open_files(log);
	if (err) {
		audit_log_close(log);
		return err;
	}
	flock(log->directory, LOCK_UN);
	*out = log;
	return 0;
}

void audit_log_close(struct audit_log *log)
{
	if (!log)
		return;
	io_close(&log->fd);
	io_close(&log->state_fd);
	io_close(&log->directory);
	sodium_free(log);
}
