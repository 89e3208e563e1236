// SPDX-License-Identifier: GPL-2.0-or-later
/* How the log's next segment begins, so that a crash in the middle can be told and mended. */
#include "audit/log_parts.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_NAME AUDIT_FILE_NAME ".new"

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
		audit_log_mirror(log, line, size);
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

/* The prepared files take their places; a crash between any two of these is mended by
 * audit_log_settle(). */
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

int audit_log_reopen(struct audit_log *log)
{
	io_close(&log->fd);
	io_close(&log->state_fd);
	log->reserved_end = 0;
	int fd = audit_state_open(log->directory, AUDIT_STATE_NAME, false);
	if (fd < 0)
		return fd == -ENOENT ? -ENODATA : fd;
	log->state_fd = fd;
	int err = audit_log_check_owner(fd, S_IFREG);
	if (!err)
		err = audit_state_read(fd, &log->state);
	if (err)
		return err == -EBADMSG ? -ENODATA : err;
	log->fd = openat(log->directory, AUDIT_FILE_NAME,
			 O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return log->fd < 0 ? -errno : audit_log_check_owner(log->fd, S_IFREG);
}

int audit_log_begin_segment(struct audit_log *log, bool by_host, const char *result,
			    const char *why)
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
	return err ? err : audit_log_reopen(log);
}

int audit_log_settle(struct audit_log *log)
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
