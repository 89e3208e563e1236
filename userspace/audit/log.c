// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/log.h"

#include "audit/lines.h"
#include "audit/state.h"
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

#define NEW_NAME AUDIT_FILE_NAME ".new"
#define RESERVE_BYTES                                                                             \
	(1 << 20) /* of disk beyond the log's end, for what must be written when there is no more \
		   */

struct audit_log {
	struct audit_host host;
	struct audit_state state; /* as it is on the disk while we hold the lock */
	int directory;		  /* locked while anything is written */
	int fd, state_fd;
	uint64_t reserved_end; /* the disk is known to have room up to here */
	bool is_dead;
};

/* Why a new segment begins although the one before is not as it was left: the first record of the
 * new one says it. */
struct damage {
	char why[160]; /* "": none */
};

static int write_record(struct audit_log *log, const struct audit_record *record);

static void mirror(const struct audit_log *log, const char *line, size_t size)
{
	if (log->host.mirror)
		log->host.mirror(log->host.context, line, size);
}

/* --- a new segment --- */

/* Both files of a segment that has one record. The state's is not yet in place. */
static int prepare(struct audit_log *log, const struct audit_record *record,
		   const struct audit_state *first)
{
	struct audit_state state = *first;
	char line[AUDIT_LINE_MAX];
	size_t size = audit_record_format(record, &first->next, line);
	int err = 0;

	int fd = openat(log->directory, NEW_NAME,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = io_write(fd, line, size);
	if (!err && fsync(fd))
		err = -errno;
	io_close(&fd);
	if (err)
		return err;
	crypto_hash_sha256(state.next.previous, (const uint8_t *)line, size);
	state.next.sequence++;
	state.size = size;
	audit_key_evolve(state.next.key);
	fd = audit_state_open(log->directory, AUDIT_STATE_NEW_NAME, true);
	err = fd < 0 ? fd : audit_state_write(fd, &state);
	if (!err && fsync(fd))
		err = -errno;
	io_close(&fd);
	sodium_memzero(&state, sizeof(state));
	if (!err)
		mirror(log, line, size);
	return err;
}

/* Puts aside the file that is written until now. */
static int retire(struct audit_log *log)
{
	char name[AUDIT_NAME_MAX];
	struct stat st;
	uint64_t segment;

	int fd = openat(log->directory, AUDIT_FILE_NAME,
			O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	segment = audit_segment_of(fd);
	/* gives back what was reserved beyond its end; a log may as well be append-only */
	if (fstat(fd, &st) == 0)
		(void)!ftruncate(fd, st.st_size);
	io_close(&fd);
	if (renameat2(log->directory, AUDIT_FILE_NAME, log->directory,
		      audit_segment_name(name, segment), RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	/* a file that is not what it says it is: kept, under a name that is free */
	snprintf(name, sizeof(name), "foreign-%08x.log", randombytes_random());
	return renameat2(log->directory, AUDIT_FILE_NAME, log->directory, name, RENAME_NOREPLACE)
		       ? -errno
		       : 0;
}

/* The prepared files take their places; a crash between any two of these is mended by settle(). */
static int install(struct audit_log *log)
{
	int err = retire(log);

	if (!err && renameat(log->directory, NEW_NAME, log->directory, AUDIT_FILE_NAME))
		err = -errno;
	if (!err && fsync(log->directory))
		err = -errno;
	if (!err &&
	    renameat(log->directory, AUDIT_STATE_NEW_NAME, log->directory, AUDIT_STATE_NAME))
		err = -errno;
	if (!err && fsync(log->directory))
		err = -errno;
	/* the keys of the segment before are on the disk still, in a file that has no name any more
	 */
	return !err && log->state_fd >= 0 ? audit_state_wipe(log->state_fd) : err;
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

/* Opens both files anew. -ENOENT: the log's is not there; its state is then in `state`. */
static int reopen(struct audit_log *log)
{
	io_close(&log->fd);
	io_close(&log->state_fd);
	log->reserved_end = 0;
	int fd = audit_state_open(log->directory, AUDIT_STATE_NAME, false);
	if (fd < 0)
		return fd == -ENOENT ? -ENODATA : fd;
	log->state_fd = fd;
	int err = check_owner(fd, S_IFREG);
	if (!err)
		err = audit_state_read(fd, &log->state);
	if (err)
		return err == -EBADMSG ? -ENODATA : err;
	log->fd = openat(log->directory, AUDIT_FILE_NAME,
			 O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return log->fd < 0 ? -errno : check_owner(log->fd, S_IFREG);
}

/*
 * Begins the segment after the state's. by_host: the segment before cannot vouch for it.
 */
static int begin_segment(struct audit_log *log, bool by_host, const char *result, const char *why)
{
	struct audit_state first = { .next = log->state.next };
	struct audit_handover handover = { .is_by_host = by_host };
	uint8_t message[AUDIT_HANDOVER_MESSAGE_BYTES], secret[crypto_sign_SECRETKEYBYTES],
		public[32];

	first.next.segment++;
	randombytes_buf(first.next.key, sizeof(first.next.key));
	randombytes_buf(first.seed, sizeof(first.seed));
	memcpy(first.auditors, log->host.auditors, sizeof(first.auditors));
	crypto_sign_seed_keypair(handover.public_key, secret, first.seed);
	audit_handover_message(&first.next, handover.public_key, message);
	if (by_host) {
		log->host.sign(log->host.context, message, sizeof(message), handover.signature);
	} else {
		crypto_sign_seed_keypair(public, secret, log->state.seed);
		crypto_sign_detached(handover.signature, NULL, message, sizeof(message), secret);
	}
	sodium_memzero(secret, sizeof(secret));
	int err = log->host.wrap(log->host.context, first.next.key, handover.wrapped);
	if (!err)
		err = prepare(log,
			      &(struct audit_record) { .operation = "log.start",
						       .result = result,
						       .why = why,
						       .handover = &handover },
			      &first);
	sodium_memzero(&first, sizeof(first));
	if (!err)
		err = install(log);
	return err ? err : reopen(log);
}

/* A crash while a segment began: either its file is in place, and its state follows, or nothing has
 * happened. */
static int settle(struct audit_log *log)
{
	struct audit_state state;
	int fd = audit_state_open(log->directory, AUDIT_STATE_NEW_NAME, false);
	int err = fd < 0 ? fd : audit_state_read(fd, &state);
	uint64_t segment = 0;

	io_close(&fd);
	if (!err) {
		segment = state.next.segment;
		fd = openat(log->directory, AUDIT_FILE_NAME,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	}
	sodium_memzero(&state, sizeof(state));
	bool is_in_place = fd >= 0 && audit_segment_of(fd) == segment;
	io_close(&fd);
	if (is_in_place) {
		/* as install() would have done it, the keys of the segment before are overwritten
		 */
		int old = audit_state_open(log->directory, AUDIT_STATE_NAME, false);
		err = renameat(log->directory, AUDIT_STATE_NEW_NAME, log->directory,
			       AUDIT_STATE_NAME)
			      ? -errno
			      : 0;
		if (!err && old >= 0)
			err = audit_state_wipe(old);
		io_close(&old);
		return err;
	}
	unlinkat(log->directory, AUDIT_STATE_NEW_NAME, 0);
	unlinkat(log->directory, NEW_NAME, 0);
	return 0;
}

/* --- what is in the file beyond the state's end --- */

struct adoption {
	struct audit_log *log;
	bool is_torn; /* the last line must be mended: it lacks its newline, or a record that tells
			 of it */
	bool is_unended; /* it lacks its newline */
	bool is_foreign; /* a record that this log did not write */
};

static int adopt_line(void *context, const struct audit_line *line)
{
	struct adoption *adoption = context;
	struct audit_state *state = &adoption->log->state;

	if (line->is_record &&
	    (audit_record_segment(line->text, line->kept) != state->next.segment ||
	     audit_record_sequence(line->text, line->kept) != state->next.sequence ||
	     !audit_record_follows(line->text, line->kept, state->next.previous) ||
	     !audit_record_is_sealed(line->text, line->kept, state->next.key))) {
		adoption->is_foreign = true;
		return 1;
	}
	adoption->is_torn = !line->is_record || !line->is_finished;
	adoption->is_unended = !line->is_finished;
	memcpy(state->next.previous, line->hash, sizeof(line->hash));
	state->next.sequence++;
	audit_key_evolve(state->next.key);
	state->size += line->size + line->is_finished;
	return 0;
}

/*
 * Ends a line that a crash left unfinished, and says so. The crash may also have come between these
 * two: then only the record lacks.
 */
static int mend(struct audit_log *log, bool is_unended)
{
	struct audit_record record = { .operation = "log.torn",
				       .result = "ok",
				       .why = "the line before was not finished" };

	if (is_unended) {
		int err = io_write(log->fd, "\n", 1);
		if (err)
			return err;
		log->state.size++;
	}
	return write_record(log, &record);
}

/* A crash may have come after a record was written, and before the state was. */
static int adopt(struct audit_log *log, uint64_t size, struct damage *damage)
{
	struct adoption adoption = { .log = log };
	struct audit_state before = log->state;
	int err = audit_lines_read(log->fd, log->state.size, size, adopt_line, &adoption);

	if (adoption.is_foreign) {
		log->state = before;
		snprintf(damage->why, sizeof(damage->why),
			 "lines after record %" PRIu64 " of segment %" PRIu64
			 " were not written by the vault",
			 before.next.sequence - 1, before.next.segment);
		err = 0;
	} else if (!err && adoption.is_torn) {
		err = mend(log, adoption.is_unended);
	} else if (!err) {
		err = audit_state_write(log->state_fd, &log->state);
	}
	sodium_memzero(&before, sizeof(before));
	return err;
}

/* Is the file as the state says, but for what a crash explains? */
static int compare(struct audit_log *log, struct damage *damage)
{
	struct stat st;

	if (fstat(log->fd, &st))
		return -errno;
	if (st.st_nlink == 0)
		snprintf(damage->why, sizeof(damage->why),
			 "the file of segment %" PRIu64 " was removed", log->state.next.segment);
	else if ((uint64_t)st.st_size < log->state.size)
		snprintf(damage->why, sizeof(damage->why),
			 "segment %" PRIu64 " was cut: it should have %" PRIu64
			 " bytes, and has %" PRIu64,
			 log->state.next.segment, log->state.size, (uint64_t)st.st_size);
	else if ((uint64_t)st.st_size > log->state.size)
		return adopt(log, (uint64_t)st.st_size, damage);
	return 0;
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
		err = reopen(log);
	else
		err = audit_state_read(log->state_fd, &log->state);
	return err ? err : compare(log, damage);
}

/* What is not durable must not look like it: it is taken back. */
static int take_back(struct audit_log *log, int err)
{
	(void)!ftruncate(log->fd, (off_t)log->state.size);
	return err;
}

static int write_record(struct audit_log *log, const struct audit_record *record)
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
		mirror(log, line, size);
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
		err = begin_segment(log, false, "ok", "the segment before is full");
	if (!err && record->is_gate) {
		err = reserve(log);
		is_full = err == -ENOSPC || err == -EDQUOT;
	}
	if (!err)
		err = write_record(log, record);
	flock(log->directory, LOCK_UN);
	log->is_dead = err != 0 && !is_full;
	return is_full ? -ENOSPC : err;
}

/* --- open --- */

static int open_directory(const char *path, int *directory)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	*directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *directory < 0 ? -errno : check_owner(*directory, S_IFDIR);
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
	int err = fd < 0 ? -errno : check_owner(fd, S_IFREG);

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
		return begin_segment(log, true, "ok", "the log begins");
	return err ? err
		   : begin_segment(log, true, "failed",
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
		return begin_segment(log, false, "ok", "the segment before was ended");
	snprintf(why, sizeof(why), "the file of segment %" PRIu64 " was removed",
		 log->state.next.segment);
	return begin_segment(log, false, "failed", why);
}

static int open_files(struct audit_log *log)
{
	struct damage damage = { .why = "" };
	int err = settle(log);

	if (!err)
		err = reopen(log);
	if (err == -ENODATA)
		return begin_anew(log);
	if (err == -ENOENT)
		return begin_without_file(log);
	if (!err)
		err = compare(log, &damage);
	if (err)
		return err;
	if (damage.why[0])
		return begin_segment(log, false, "failed", damage.why);
	if (log->state.is_failed)
		return begin_segment(log, false, "ok",
				     "a record of the segment before could not be written");
	if (memcmp(log->state.auditors, log->host.auditors, sizeof(log->host.auditors)) != 0)
		return begin_segment(log, false, "ok", "the auditors are others");
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
