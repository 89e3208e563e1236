// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/log.h"

#include "base/io.h"
#include "base/text.h"

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

#define TAIL_BYTES (16 * AUDIT_LINE_MAX) /* where the last whole record must be */

struct audit_log {
	int fd;
	bool is_dead;
	off_t size; /* of the file when `next` was right */
	struct audit_position next;
};

static void hash_line(const char *line, size_t size, uint8_t hash[static AUDIT_HASH_BYTES])
{
	crypto_hash_sha256(hash, (const unsigned char *)line, size);
}

/* Where the line that ends before `end` begins. */
static size_t line_start(const char *text, size_t end)
{
	while (end && text[end - 1] != '\n')
		end--;
	return end;
}

/*
 * Sets `next` from the last lines of the log. A line that is no record counts in the sequence, and
 * is hashed without its newline, which it gets later. *lacks: what must be mended, "" where
 * nothing.
 */
static int continue_from(struct audit_log *log, const char *text, size_t size, bool is_whole,
			 const char **lacks)
{
	bool is_ended = text[size - 1] == '\n';
	size_t end = size - is_ended, start = line_start(text, end);
	uint64_t torn = 0;

	if (!audit_record_is(text + start, end - start)) {
		*lacks = is_ended ? "its record" : "\n";
		hash_line(text + start, end - start, log->next.previous);
	} else if (is_ended) {
		hash_line(text + start, end - start + 1, log->next.previous);
	} else {
		/* all but the newline: hashed as it will be */
		char line[AUDIT_LINE_MAX];
		if (end - start >= sizeof(line))
			return -EBADMSG;
		memcpy(line, text + start, end - start);
		line[end - start] = '\n';
		hash_line(line, end - start + 1, log->next.previous);
		*lacks = "\n";
	}
	/* a torn line's own number may be cut: count from the last whole record */
	while (!audit_record_is(text + start, end - start)) {
		torn++;
		if (start == 0) {
			log->next.sequence = torn + 1;
			return is_whole ? 0 : -EBADMSG;
		}
		end = start - 1;
		start = line_start(text, end);
	}
	log->next.sequence = audit_record_sequence(text + start, end - start) + torn + 1;
	return 0;
}

/* Reads the last lines, to continue from them. */
static int read_tail(struct audit_log *log, off_t size, const char **lacks)
{
	size_t take = size < TAIL_BYTES ? (size_t)size : TAIL_BYTES;
	char *tail = NULL;
	int err = 0;

	*lacks = "";
	log->next = (struct audit_position) { .sequence = 1 };
	if (size == 0)
		return 0;
	tail = malloc(take + 1);
	if (!tail)
		return -ENOMEM;
	err = io_pread(log->fd, tail, take, size - (off_t)take);
	if (!err) {
		tail[take] = 0;
		err = continue_from(log, tail, take, size == (off_t)take, lacks);
	}
	free(tail);
	return err;
}

static int write_record(struct audit_log *log, const struct audit_record *record)
{
	char line[AUDIT_LINE_MAX];
	size_t size = audit_record_format(record, &log->next, line);
	ssize_t n = write(log->fd, line, size);

	if (n != (ssize_t)size)
		return n < 0 ? -errno : -ENOSPC;
	if (fdatasync(log->fd))
		return -errno;
	log->size += n;
	log->next.sequence++;
	hash_line(line, size, log->next.previous);
	return 0;
}

/*
 * Ends a line that a crash left unfinished, and says so. The crash may also have come between these
 * two: then only the record lacks.
 */
static int mend(struct audit_log *log, const char *lacks)
{
	struct audit_record record = { .operation = "log.torn",
				       .result = "ok",
				       .why = "the line before was not finished" };

	if (*lacks == '\n') {
		int err = io_write(log->fd, "\n", 1);
		if (err)
			return err;
		log->size++;
	}
	return write_record(log, &record);
}

/* Another process may have appended since: continue from what is there now. */
static int catch_up(struct audit_log *log)
{
	struct stat st;
	const char *lacks;

	if (fstat(log->fd, &st))
		return -errno;
	if (st.st_size == log->size && st.st_nlink)
		return 0;
	/* a log only grows: going on from what is left would hide that records are gone */
	if (st.st_size < log->size || st.st_nlink == 0)
		return -EBADMSG;
	int err = read_tail(log, st.st_size, &lacks);
	log->size = st.st_size;
	return !err && *lacks ? mend(log, lacks) : err;
}

int audit_log_append(struct audit_log *log, const struct audit_record *record)
{
	int err = 0;

	if (log->is_dead)
		return -EIO;
	if (flock(log->fd, LOCK_EX))
		err = -errno;
	if (!err)
		err = catch_up(log);
	if (!err)
		err = write_record(log, record);
	flock(log->fd, LOCK_UN);
	/* after a failed fsync the kernel may call the next one good although the data is lost */
	log->is_dead = err != 0;
	return err;
}

static int check_owner(int fd, mode_t type)
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
	return *directory < 0 ? -errno : check_owner(*directory, S_IFDIR);
}

/* Takes the lock, too. */
static int open_file(int directory, int *fd)
{
	*fd = openat(directory, AUDIT_FILE_NAME,
		     O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (*fd < 0)
		return -errno;
	int err = check_owner(*fd, S_IFREG);
	if (!err && (flock(*fd, LOCK_EX) || fsync(directory)))
		err = -errno;
	return err;
}

int audit_log_open(const char *path, struct audit_log **out)
{
	struct audit_log *log = calloc(1, sizeof(*log));
	int directory = -1, err;

	if (!log)
		return -ENOMEM;
	log->fd = -1;
	log->size = -1;
	err = open_directory(path, &directory);
	if (!err)
		err = open_file(directory, &log->fd);
	if (!err)
		err = catch_up(log);
	io_close(&directory);
	if (err) {
		audit_log_close(log);
		return err;
	}
	flock(log->fd, LOCK_UN);
	*out = log;
	return 0;
}

void audit_log_close(struct audit_log *log)
{
	if (log)
		io_close(&log->fd);
	free(log);
}
