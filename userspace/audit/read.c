// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads a log from front to back, whatever is in it, in little memory, and checks its chain. */
#include "audit/log.h"
#include "base/io.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define BLOCK_BYTES 16384

struct check {
	struct audit_verdict *verdict;
	void (*visit)(void *context, const char *line, size_t size);
	void *context;
	uint64_t line;			    /* its number, which is its place in the sequence */
	uint8_t previous[AUDIT_HASH_BYTES]; /* of the line before */
	bool expects_torn;	   /* the line before was no record: this one must say so */
	char text[AUDIT_LINE_MAX]; /* of the line: at most that much is kept */
	uint64_t size;		   /* of the line, all of it */
	crypto_hash_sha256_state hash;
};

static void complain(struct check *check, const char *what)
{
	if (!check->verdict->is_intact)
		return;
	check->verdict->is_intact = false;
	snprintf(check->verdict->reason, sizeof(check->verdict->reason), "line %" PRIu64 ": %s",
		 check->line, what);
}

static void check_record(struct check *check)
{
	/* in a string of the record the quotes would be escaped */
	static const char TORN[] = ",\"op\":\"log.torn\",";
	char previous[2 * AUDIT_HASH_BYTES + 1];
	const char *end = check->text + check->size - 2 - 2 * AUDIT_HASH_BYTES;

	text_hex(previous, check->previous, sizeof(check->previous));
	check->verdict->records++;
	if (check->expects_torn && !memmem(check->text, check->size, TORN, sizeof(TORN) - 1))
		complain(check, "follows an unfinished line without saying so");
	if (audit_record_sequence(check->text, check->size) != check->line)
		complain(check, "records are missing before it, or it is out of place");
	if (memcmp(end, previous, 2 * AUDIT_HASH_BYTES) != 0)
		complain(check, "does not follow from the line before: one of them was changed");
}

static void finish_line(struct check *check, bool is_finished)
{
	size_t kept = check->size < sizeof(check->text) ? check->size : sizeof(check->text);
	bool is_record = kept == check->size && audit_record_is(check->text, kept);

	check->line++;
	if (!is_finished)
		complain(check, "is not finished");
	else if (is_record)
		check_record(check);
	else
		check->verdict->torn++;
	check->expects_torn = !is_record;
	/* one that was torn was hashed before it got its newline */
	if (is_record)
		crypto_hash_sha256_update(&check->hash, (const uint8_t *)"\n", 1);
	crypto_hash_sha256_final(&check->hash, check->previous);
	if (check->visit && is_finished)
		check->visit(check->context, check->text, kept);
	crypto_hash_sha256_init(&check->hash);
	check->size = 0;
}

static void add(struct check *check, const char *bytes, size_t size)
{
	if (check->size < sizeof(check->text)) {
		size_t room = sizeof(check->text) - (size_t)check->size;
		memcpy(check->text + check->size, bytes, size < room ? size : room);
	}
	check->size += size;
	crypto_hash_sha256_update(&check->hash, (const uint8_t *)bytes, size);
}

static void feed(struct check *check, const char *bytes, size_t size)
{
	while (size) {
		const char *newline = memchr(bytes, '\n', size);
		size_t n = newline ? (size_t)(newline - bytes) : size;

		add(check, bytes, n);
		if (newline) {
			finish_line(check, true);
			n++;
		}
		bytes += n;
		size -= n;
	}
}

/*
 * How far the file is written. Only this is done under the lock: whoever pages through the log must
 * not keep the vault from writing.
 */
static int written_size(int fd, uint64_t *size)
{
	struct stat st;
	int err = 0;

	if (flock(fd, LOCK_SH))
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode))
		err = -EINVAL;
	else
		*size = (uint64_t)st.st_size;
	flock(fd, LOCK_UN);
	return err;
}

static int read_lines(struct check *check, int fd)
{
	char block[BLOCK_BYTES];
	uint64_t size = 0;
	int err = written_size(fd, &size);

	crypto_hash_sha256_init(&check->hash);
	for (uint64_t at = 0; !err && at < size;) {
		size_t take = size - at < sizeof(block) ? (size_t)(size - at) : sizeof(block);
		err = io_pread(fd, block, take, (off_t)at);
		if (!err)
			feed(check, block, take);
		at += take;
	}
	if (!err && check->size)
		finish_line(check, false);
	else if (!err && check->expects_torn)
		complain(check, "is not a record");
	return err;
}

int audit_log_read(const char *directory,
		   void (*visit)(void *context, const char *line, size_t size), void *context,
		   struct audit_verdict *verdict)
{
	struct check check = { .verdict = verdict, .visit = visit, .context = context };
	char path[PATH_MAX];

	*verdict = (struct audit_verdict) { .is_intact = true };
	if (snprintf(path, sizeof(path), "%s/" AUDIT_FILE_NAME, directory) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int err = read_lines(&check, fd);
	io_close(&fd);
	return err;
}
