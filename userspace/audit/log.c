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

#define FILE_NAME  "audit.log"
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

/* The number behind "seq": in a line that this code wrote; 0 where it is none. */
static uint64_t sequence_of(const char *line, size_t size)
{
	static const char FIELD[] = ",\"seq\":";
	const char *found = memmem(line, size, FIELD, sizeof(FIELD) - 1);

	return found ? strtoull(found + sizeof(FIELD) - 1, NULL, 10) : 0;
}

/*
 * Is it a line as audit_record_format() writes it, with or without its newline? A torn one may
 * begin with a brace and end with one, but it does not end with the hash, which comes last.
 */
static bool is_record(const char *line, size_t size)
{
	static const char FIELD[] = ",\"prev\":\"";
	const size_t tail = sizeof(FIELD) - 1 + 2 * AUDIT_HASH_BYTES + 2;

	if (size && line[size - 1] == '\n')
		size--;
	if (size <= tail || line[0] != '{' || memcmp(line + size - 2, "\"}", 2) != 0)
		return false;
	const char *hash = line + size - tail;
	return memcmp(hash, FIELD, sizeof(FIELD) - 1) == 0 &&
	       strspn(hash + sizeof(FIELD) - 1, "0123456789abcdef") == 2 * AUDIT_HASH_BYTES;
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

	if (!is_record(text + start, end - start)) {
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
	while (!is_record(text + start, end - start)) {
		torn++;
		if (start == 0) {
			log->next.sequence = torn + 1;
			return is_whole ? 0 : -EBADMSG;
		}
		end = start - 1;
		start = line_start(text, end);
	}
	log->next.sequence = sequence_of(text + start, end - start) + torn + 1;
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
	if (st.st_size == log->size)
		return 0;
	/* a log only grows: going on from what is left would hide that records are gone */
	if (st.st_size < log->size)
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

static int open_directory(const char *path)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int audit_log_open(const char *path, struct audit_log **out)
{
	int directory = open_directory(path);
	struct audit_log *log = calloc(1, sizeof(*log));
	int err = directory < 0 ? directory : log ? 0 : -ENOMEM;

	if (!err) {
		log->size = -1;
		log->fd = openat(directory, FILE_NAME,
				 O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		err = log->fd < 0 ? -errno : 0;
	}
	if (!err && (flock(log->fd, LOCK_EX) || fsync(directory)))
		err = -errno;
	if (!err)
		err = catch_up(log);
	if (log && log->fd >= 0)
		flock(log->fd, LOCK_UN);
	if (directory >= 0)
		close(directory);
	if (err)
		audit_log_close(log);
	else
		*out = log;
	return err;
}

void audit_log_close(struct audit_log *log)
{
	if (log)
		io_close(&log->fd);
	free(log);
}

struct check {
	uint64_t line, sequence;
	uint8_t previous[AUDIT_HASH_BYTES];
	bool expects_torn; /* the line before was no record: this one must say so */
	struct audit_verdict *verdict;
};

static void complain(struct check *check, const char *what)
{
	if (!check->verdict->is_intact)
		return;
	check->verdict->is_intact = false;
	snprintf(check->verdict->reason, sizeof(check->verdict->reason), "line %" PRIu64 ": %s",
		 check->line, what);
}

/* line ends with its newline */
static void check_line(struct check *check, const char *line, size_t size)
{
	char previous[2 * AUDIT_HASH_BYTES + 16];

	check->line++;
	check->sequence++;
	snprintf(previous, sizeof(previous), "\"prev\":\"");
	text_hex(previous + strlen(previous), check->previous, sizeof(check->previous));
	strcat(previous, "\"}\n");
	if (!is_record(line, size)) {
		/* counts as a record of its own: the next one's number is one higher */
		check->expects_torn = true;
		hash_line(line, size - 1, check->previous);
		return;
	}
	check->verdict->records++;
	if (check->expects_torn && !memmem(line, size, "\"op\":\"log.torn\"", 15))
		complain(check, "follows an unfinished line without saying so");
	if (sequence_of(line, size) != check->sequence)
		complain(check, "records are missing before it, or it is out of place");
	if (size < strlen(previous) ||
	    memcmp(line + size - strlen(previous), previous, strlen(previous)))
		complain(check, "does not follow from the line before: one of them was changed");
	check->expects_torn = false;
	hash_line(line, size, check->previous);
}

int audit_log_read(const char *directory,
		   void (*visit)(void *context, const char *line, size_t size), void *context,
		   struct audit_verdict *verdict)
{
	char path[512], *line = NULL;
	size_t capacity = 0;
	ssize_t size;
	struct check check = { .verdict = verdict };

	*verdict = (struct audit_verdict) { .is_intact = true };
	snprintf(path, sizeof(path), "%s/%s", directory, FILE_NAME);
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	while ((size = getline(&line, &capacity, file)) > 0) {
		if (line[size - 1] != '\n') {
			complain(&check, "is not finished");
			break;
		}
		check_line(&check, line, (size_t)size);
		if (visit)
			visit(context, line, (size_t)size - 1);
	}
	if (check.expects_torn)
		complain(&check, "is not a record");
	free(line);
	fclose(file);
	return 0;
}
