// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/read.h"
#include "audit/state.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/heaptrail-audit-XXXXXX";
static char path[64];

/* The host: its key, and an auditor to whom keys are given as they are. */
static uint8_t host_sk[crypto_sign_SECRETKEYBYTES];

static void sign(void *context, const void *message, size_t size, uint8_t signature[static 64])
{
	(void)context;
	crypto_sign_detached(signature, NULL, message, size, host_sk);
}

static int wrap(void *context, const uint8_t key[static AUDIT_KEY_BYTES],
		char text[static AUDIT_WRAPPED_MAX])
{
	(void)context;
	sodium_bin2hex(text, AUDIT_WRAPPED_MAX, key, AUDIT_KEY_BYTES);
	return 0;
}

static int unwrap(void *context, const char *wrapped, uint8_t key[static AUDIT_KEY_BYTES])
{
	(void)context;
	return sodium_hex2bin(key, AUDIT_KEY_BYTES, wrapped, strlen(wrapped), NULL, NULL, NULL);
}

static struct audit_host host = { .sign = sign, .wrap = wrap };

/* Removes what is in the directory. */
static void empty(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

static int set_up_all(void **state)
{
	(void)state;
	if (sodium_init() < 0 || !mkdtemp(directory))
		return -1;
	crypto_sign_keypair(host.public_key, host_sk);
	snprintf(path, sizeof(path), "%s/audit.log", directory);
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	empty();
	return rmdir(directory);
}

static int set_up(void **state)
{
	(void)state;
	empty();
	memset(host.auditors, 0, sizeof(host.auditors));
	return 0;
}

static int sync_error; /* what fdatasync() fails with; 0: it works */
static int sync_count;
static bool skips_sync; /* for many records */

/* In place of the C library's. */
int fdatasync(int fd)
{
	sync_count++;
	errno = sync_error;
	return sync_error ? -1 : skips_sync ? 0 : fsync(fd);
}

static int64_t clock_set_by_s;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int err = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME)
		now->tv_sec += clock_set_by_s;
	return err;
}

static const struct audit_record RECORD = { .operation = "open.grant",
					    .result = "ok",
					    .why = "a look",
					    .rule = "allow uid=0",
					    .numbers = { "chunks", "bytes" },
					    .values = { 7, UINT64_MAX } };

static struct audit_log *open_log(void)
{
	struct audit_log *log = NULL;

	assert_int_equal(audit_log_open(directory, &host, &log), 0);
	return log;
}

static void append_some(int count)
{
	struct audit_log *log = open_log();

	for (int i = 0; i < count; i++)
		assert_int_equal(audit_log_append(log, &RECORD), 0);
	audit_log_close(log);
}

static char *load(size_t *size)
{
	char *text;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(io_read_all(fd, 1 << 24, &text, size), 0);
	close(fd);
	return text;
}

static void store(const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, text, size), 0);
	close(fd);
}

/* As someone who has only the files. */
static struct audit_verdict verify(void)
{
	struct audit_verdict verdict;

	assert_int_equal(audit_log_read(directory,
					&(struct audit_reading) { .host_pk = host.public_key },
					&verdict),
			 0);
	return verdict;
}

/* As an auditor. */
static struct audit_verdict audit(void)
{
	struct audit_verdict verdict;

	assert_int_equal(audit_log_read(directory,
					&(struct audit_reading) { .host_pk = host.public_key,
								  .unwrap = unwrap },
					&verdict),
			 0);
	return verdict;
}

/* records: beside the first, which begins the log */
static void assert_intact(uint64_t records)
{
	struct audit_verdict verdict = audit();

	if (!verdict.is_intact)
		print_error("%s\n", verdict.reason);
	assert_true(verdict.is_intact);
	assert_true(verdict.is_end_known);
	assert_int_equal(verdict.records, 1 + records);
	assert_int_equal(verdict.sealed, verdict.records);
	assert_true(verify().is_intact);
}

static void assert_damaged(const char *how)
{
	struct audit_verdict verdict = verify();

	assert_false(verdict.is_intact);
	if (!strstr(verdict.reason, how))
		print_error("%s\n", verdict.reason);
	assert_non_null(strstr(verdict.reason, how));
}

/* The log's file as it is, and its state, for a crash in the past. */
struct snapshot {
	char *text, *state;
	size_t size, state_size;
};

/* Where line i (from 0) begins. */
static char *line_of(char *text, int i)
{
	while (i--)
		text = strchr(text, '\n') + 1;
	return text;
}

static void records_appended_by_several_runs_are_one_chain(void **state)
{
	struct stat st;

	(void)state;
	append_some(3);
	append_some(0);
	append_some(2);
	assert_intact(5);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void two_who_append_in_turn_make_one_chain(void **state)
{
	struct audit_log *a = open_log(), *b = open_log();

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(audit_log_append(i % 2 ? a : b, &RECORD), 0);
	audit_log_close(a);
	audit_log_close(b);
	assert_intact(4);
}

static char state_path[64];

static struct snapshot take_snapshot(void)
{
	struct snapshot shot;
	int fd;

	snprintf(state_path, sizeof(state_path), "%s/" AUDIT_STATE_NAME, directory);
	shot.text = load(&shot.size);
	fd = open(state_path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(io_read_all(fd, 4096, &shot.state, &shot.state_size), 0);
	close(fd);
	return shot;
}

static void restore_state(const struct snapshot *shot)
{
	int fd = open(state_path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(io_write(fd, shot->state, shot->state_size), 0);
	close(fd);
}

static void drop_snapshot(struct snapshot *shot)
{
	free(shot->text);
	free(shot->state);
}

/* Without a key: all but the MACs themselves; with the auditor's, those too. */
static void every_changed_byte_is_found(void **state)
{
	char *text;
	size_t size;

	(void)state;
	append_some(3);
	text = load(&size);
	for (size_t i = 0; i < size; i++) {
		text[i] ^= 1;
		store(text, size);
		text[i] ^= 1;
		assert_false(verify().is_intact);
		assert_false(audit().is_intact);
	}
	free(text);
}

/* What is changed where there is no state, in a copy: the last line has only its MAC. */
static void every_changed_byte_of_a_copy_is_found_by_the_auditor(void **state)
{
	char *text;
	size_t size, unseen = 0;

	(void)state;
	append_some(2);
	text = load(&size);
	size_t last = (size_t)(line_of(text, 2) - text);
	struct snapshot shot = take_snapshot();
	unlink(state_path);
	for (size_t i = 0; i < size; i++) {
		text[i] ^= 1;
		store(text, size);
		text[i] ^= 1;
		assert_false(audit().is_intact);
		bool is_found = !verify().is_intact;
		if (i < last)
			assert_true(is_found);
		unseen += !is_found;
	}
	assert_true(unseen > 0);
	drop_snapshot(&shot);
	free(text);
}

static void a_clock_that_was_set_back_is_told(void **state)
{
	(void)state;
	append_some(2);
	clock_set_by_s = 86400; /* it may have slept */
	append_some(1);
	assert_int_equal(verify().set_back, 0);
	clock_set_by_s = -3600;
	append_some(2);
	clock_set_by_s = -7200;
	append_some(1);
	clock_set_by_s = 0;
	append_some(1);
	struct audit_verdict verdict = verify();
	assert_int_equal(verdict.set_back, 2);
	assert_int_equal(verdict.set_back_at, 5);
	assert_in_range(verdict.set_back_s, 86400 + 3600 - 30, 86400 + 3600 + 30);
	assert_intact(7);
}

static void a_line_removed_is_found(void **state)
{
	char *text;
	size_t size;

	(void)state;
	append_some(4);
	text = load(&size);
	for (int i = 0; i < 5; i++) {
		char *from = line_of(text, i), *to = line_of(text, i + 1);
		store(text, (size_t)(from - text));
		int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_int_equal(io_write(fd, to, size - (size_t)(to - text)), 0);
		close(fd);
		char line[32];
		snprintf(line, sizeof(line), "segment 1, line %d:", i + 1);
		assert_damaged(i < 4 ? line : "1 records are missing at the end");
	}
	free(text);
}

static void lines_out_of_order_are_found(void **state)
{
	char *text, *other;
	size_t size;

	(void)state;
	append_some(3);
	text = load(&size);
	char *a = line_of(text, 1), *b = line_of(text, 2), *end = line_of(text, 3);
	other = malloc(size);
	memcpy(other, text, (size_t)(a - text));
	char *at = mempcpy(other + (a - text), b, (size_t)(end - b));
	at = mempcpy(at, a, (size_t)(b - a));
	memcpy(at, end, size - (size_t)(end - text));
	store(other, size);
	assert_false(verify().is_intact);
	/* and one put in twice */
	store(text, size);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(io_write(fd, end, size - (size_t)(end - text)), 0);
	close(fd);
	assert_false(verify().is_intact);
	free(other);
	free(text);
}

/* The next who opens goes on, and says for ever what was found. */
static void a_cut_log_goes_on_and_never_is_intact_again(void **state)
{
	(void)state;
	append_some(3);
	struct snapshot shot = take_snapshot();
	size_t second = (size_t)(line_of(shot.text, 2) - shot.text);
	for (size_t cut = 0; cut < shot.size; cut += second / 3) {
		empty();
		store(shot.text, cut);
		restore_state(&shot);
		assert_false(verify().is_intact);
		append_some(2);
		struct audit_verdict verdict = audit();
		assert_false(verdict.is_intact);
		/* from the new segment on, all is well but what its first record tells */
		assert_int_equal(audit_log_read(directory,
						&(struct audit_reading) { .first_segment = 2,
									  .unwrap = unwrap },
						&verdict),
				 0);
		assert_int_equal(verdict.records, 3);
		assert_non_null(
			strstr(verdict.reason, "the log was damaged before it: segment 1 was cut"));
	}
	drop_snapshot(&shot);
}

static void a_removed_log_goes_on_and_says_it(void **state)
{
	(void)state;
	append_some(2);
	unlink(path);
	append_some(1);
	assert_damaged("segments are missing");
	/* and one whose state is gone, with its keys */
	empty();
	append_some(2);
	struct snapshot shot = take_snapshot();
	unlink(state_path);
	append_some(1);
	assert_damaged(
		"segment 2, line 1: the log was damaged before it: the log's state was lost");
	/* a torn state is as good as none */
	empty();
	shot.state[20] ^= 1;
	restore_state(&shot);
	store(shot.text, shot.size);
	append_some(1);
	assert_damaged("the log's state was lost");
	drop_snapshot(&shot);
}

/* What someone appends while no vault runs has no MAC, however well it fits. */
static void a_line_that_the_vault_did_not_write_is_found(void **state)
{
	struct audit_position position = { .segment = 1, .sequence = 3 };
	char line[AUDIT_LINE_MAX];
	struct audit_extent extent;

	(void)state;
	append_some(1);
	struct snapshot shot = take_snapshot();
	int fd = open(state_path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(audit_state_read_extent(fd, &extent), 0);
	close(fd);
	assert_int_equal(extent.sequence, 3);
	memcpy(position.previous, extent.previous, sizeof(position.previous));
	size_t size = audit_record_format(&RECORD, &position, line);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(io_write(fd, line, size), 0);
	close(fd);
	assert_false(audit().is_intact);
	append_some(1);
	assert_damaged("segment 2");
	assert_false(audit().is_intact);
	drop_snapshot(&shot);
}

/* A crash between a record and its state: the record is one. Any part of a line that it left is
 * ended, and said. */
static void a_torn_last_line_is_mended_and_said(void **state)
{
	char *mended;
	size_t mended_size;

	(void)state;
	append_some(2);
	struct snapshot before = take_snapshot();
	append_some(2);
	struct snapshot after = take_snapshot();
	for (size_t cut = before.size; cut <= after.size; cut++) {
		const char *end = line_of(after.text, 4);
		size_t second = (size_t)(end - after.text);
		/* one whole more, two, or one that lacks its newline */
		unsigned whole = (cut >= second) + (cut == after.size);
		bool is_at_end = cut == before.size || cut == second || cut == after.size;
		bool lacks_newline = cut == second - 1 || cut == after.size - 1;
		empty();
		store(after.text, cut);
		restore_state(&before);
		append_some(1);
		assert_intact(2 + whole + lacks_newline + !is_at_end + 1);
		mended = load(&mended_size);
		assert_int_equal(strstr(mended, "\"op\":\"log.torn\"") != NULL, !is_at_end);
		free(mended);
	}
	drop_snapshot(&before);
	drop_snapshot(&after);
}

/* The mending can be cut short, too, and again. */
static void a_torn_mending_is_mended(void **state)
{
	(void)state;
	append_some(1);
	struct snapshot before = take_snapshot();
	append_some(1);
	struct snapshot after = take_snapshot();
	store(after.text, before.size + 20);
	restore_state(&before);
	append_some(0);
	struct snapshot mended = take_snapshot();
	assert_true(mended.size > before.size + 21);
	for (size_t cut = before.size + 21; cut < mended.size; cut++) {
		store(mended.text, cut);
		restore_state(&before);
		append_some(1);
		assert_intact(cut == mended.size - 1 ? 4 : 3);
		assert_int_equal(verify().torn,
				 cut == before.size + 21 || cut == mended.size - 1 ? 1 : 2);
	}
	drop_snapshot(&before);
	drop_snapshot(&after);
	drop_snapshot(&mended);
}

static void an_unfinished_line_that_nobody_mentions_is_found(void **state)
{
	char *text;
	size_t size;

	(void)state;
	append_some(3);
	text = load(&size);
	char *second = line_of(text, 1), *third = line_of(text, 2);
	memmove(second + 10, third - 1, size - (size_t)(third - 1 - text));
	store(text, size - (size_t)(third - 1 - (second + 10)));
	assert_false(verify().is_intact);
	free(text);
}

/* What was not written by the log is not continued. */
static void a_foreign_file_is_not_continued(void **state)
{
	struct audit_log *log;
	size_t size = 1 << 20;
	char *text = calloc(1, size);

	(void)state;
	store(text, size);
	assert_int_equal(audit_log_open(directory, &host, &log), -EBADMSG);
	memset(text, '\n', size);
	store(text, size);
	assert_int_equal(audit_log_open(directory, &host, &log), -EBADMSG);
	free(text);
}

static void a_log_that_shrank_takes_no_more(void **state)
{
	struct audit_log *log;

	(void)state;
	append_some(2);
	log = open_log();
	assert_int_equal(truncate(path, 10), 0);
	assert_int_equal(audit_log_append(log, &RECORD), -EBADMSG);
	assert_int_equal(audit_log_append(log, &RECORD), -EIO);
	audit_log_close(log);
}

/* --- segments --- */

static unsigned count_segments(void)
{
	return (unsigned)verify().segments;
}

/* Whoever of the two finds it full begins the next; the other follows. */
static void a_full_segment_is_followed_by_the_next(void **state)
{
	struct audit_log *a = open_log(), *b = open_log();
	static char why[1025];
	struct audit_record record = RECORD;
	uint64_t count = 0;
	char name[96];

	(void)state;
	memset(why, 0x7f, sizeof(why) - 1); /* each is written as six bytes */
	record.why = why;
	skips_sync = true;
	snprintf(name, sizeof(name), "%s/audit-000002.log", directory);
	while (access(name, F_OK))
		for (unsigned i = 0; i < 500; i++, count++)
			assert_int_equal(audit_log_append(i % 2 ? a : b, &record), 0);
	skips_sync = false;
	audit_log_close(a);
	audit_log_close(b);
	struct audit_verdict verdict = audit();
	assert_true(verdict.is_intact);
	assert_int_equal(verdict.segments, 3);
	assert_int_equal(verdict.records, count + 3);
	/* from the second on, nothing vouches for its key, but all else holds */
	assert_int_equal(
		audit_log_read(directory,
			       &(struct audit_reading) { .first_segment = 2, .unwrap = unwrap },
			       &verdict),
		0);
	assert_true(verdict.is_intact);
	assert_int_equal(verdict.segments, 2);
	/* without the second, they are two logs */
	assert_int_equal(unlink(name), 0);
	assert_damaged("segment 2, line 0: segments are missing: the next one is 3");
}

static void new_auditors_get_the_key_of_a_new_segment(void **state)
{
	(void)state;
	append_some(1);
	append_some(1);
	assert_int_equal(count_segments(), 1);
	host.auditors[0] = 1;
	append_some(1);
	append_some(1);
	assert_int_equal(count_segments(), 2);
	assert_intact(5);
}

/* The keys of the segment before are not on the disk any more, nor is any that a record was sealed
 * with. */
static void a_key_is_gone_once_it_was_used(void **state)
{
	struct audit_state now;
	uint8_t key[AUDIT_KEY_BYTES];
	char *text, *at;
	size_t size;
	struct audit_handover handover;

	(void)state;
	append_some(3);
	struct snapshot shot = take_snapshot();
	text = load(&size);
	at = line_of(text, 1);
	assert_int_equal(audit_record_handover(text, (size_t)(at - text), &handover), 0);
	assert_int_equal(unwrap(NULL, handover.wrapped, key), 0);
	for (int i = 0; i < 4; i++) {
		assert_true(audit_record_is_sealed(
			line_of(text, i), (size_t)(line_of(text, i + 1) - line_of(text, i)), key));
		assert_null(memmem(shot.state, shot.state_size, key, sizeof(key)));
		audit_key_evolve(key);
	}
	int fd = audit_state_open(AT_FDCWD, state_path, false);
	assert_int_equal(audit_state_read(fd, &now), 0);
	assert_memory_equal(now.next.key, key, sizeof(key));
	host.auditors[0] = 1;
	append_some(0);
	uint8_t old[512];
	assert_true(pread(fd, old, sizeof(old), 0) > 100);
	assert_null(memmem(old, sizeof(old), now.seed, sizeof(now.seed)));
	assert_null(memmem(old, sizeof(old), key, sizeof(key)));
	close(fd);
	drop_snapshot(&shot);
	free(text);
}

/* A crash between any two steps of a beginning segment. */
static void a_segment_that_was_begun_half_is_begun_again(void **state)
{
	char from[96], to[96];
	struct snapshot old;

	(void)state;
	for (int step = 0; step < 3; step++) {
		empty();
		host.auditors[0] = 0;
		append_some(2);
		old = take_snapshot();
		host.auditors[0] = 1;
		append_some(0);
		struct snapshot new = take_snapshot();
		/* back to before the state's file was renamed: the log's new file is in place */
		snprintf(to, sizeof(to), "%s/" AUDIT_STATE_NEW_NAME, directory);
		assert_int_equal(rename(state_path, to), 0);
		restore_state(&old);
		if (step >= 1) { /* before the new file was */
			snprintf(to, sizeof(to), "%s/audit.log.new", directory);
			assert_int_equal(rename(path, to), 0);
		}
		if (step >= 2) { /* before the old file was put aside */
			snprintf(from, sizeof(from), "%s/audit-000001.log", directory);
			assert_int_equal(rename(from, path), 0);
		}
		int fd = open(state_path, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		append_some(1);
		/* the keys of the segment before are gone from the disk, whichever way it went on
		 */
		uint8_t left[64] = { 1 }, zeros[64] = { 0 };
		assert_int_equal(pread(fd, left, sizeof(left), 0), sizeof(left));
		assert_memory_equal(left, zeros, sizeof(left));
		close(fd);
		assert_int_equal(count_segments(), 2);
		assert_intact(4);
		drop_snapshot(&old);
		drop_snapshot(&new);
	}
}

/* --- checkpoints --- */

static int read_checkpoint(struct audit_checkpoint *checkpoint,
			   char text[static AUDIT_CHECKPOINT_MAX])
{
	char name[96];
	size_t size;
	char *all;

	snprintf(name, sizeof(name), "%s/" AUDIT_CHECKPOINT_NAME, directory);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	assert_int_equal(io_read_all(fd, AUDIT_CHECKPOINT_MAX - 1, &all, &size), 0);
	close(fd);
	strcpy(text, all);
	free(all);
	return audit_checkpoint_parse(text, host.public_key, checkpoint);
}

static void a_checkpoint_holds_for_a_log_that_grew(void **state)
{
	struct audit_checkpoint checkpoint;
	struct audit_verdict verdict;
	char text[AUDIT_CHECKPOINT_MAX];

	(void)state;
	for (int round = 0; round < 9; round++) {
		append_some(round);
		if (round == 5)
			host.auditors[0]++; /* through a new segment, too */
		assert_int_equal(audit_log_seal(directory, &host), 0);
		assert_int_equal(read_checkpoint(&checkpoint, text), 0);
		append_some(round % 3);
		struct audit_reading reading = { .checkpoint = &checkpoint };
		assert_int_equal(audit_log_read(directory, &reading, &verdict), 0);
		assert_true(verdict.is_intact);
		checkpoint.root[3] ^= 1;
		assert_int_equal(audit_log_read(directory, &reading, &verdict), 0);
		assert_non_null(strstr(verdict.reason, "not what the checkpoint signs"));
		checkpoint.size += 1000;
		assert_int_equal(audit_log_read(directory, &reading, &verdict), 0);
		assert_non_null(strstr(verdict.reason, "the checkpoint signs 10"));
	}
	/* a log that was made again from its first line on, with this host's keys */
	assert_int_equal(read_checkpoint(&checkpoint, text), 0);
	empty();
	append_some(60);
	assert_intact(60);
	assert_int_equal(audit_log_read(directory,
					&(struct audit_reading) { .checkpoint = &checkpoint },
					&verdict),
			 0);
	assert_false(verdict.is_intact);
}

static void every_changed_byte_of_a_checkpoint_is_found(void **state)
{
	struct audit_checkpoint checkpoint;
	char text[AUDIT_CHECKPOINT_MAX], changed[AUDIT_CHECKPOINT_MAX];
	uint8_t other[32] = { 1 };

	(void)state;
	append_some(2);
	assert_int_equal(audit_log_seal(directory, &host), 0);
	assert_int_equal(read_checkpoint(&checkpoint, text), 0);
	assert_int_equal(checkpoint.size, 3);
	for (size_t i = 0; text[i]; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			strcpy(changed, text);
			changed[i] ^= (char)(1 << bit);
			assert_true(audit_checkpoint_parse(changed, host.public_key, &checkpoint) <
				    0);
			changed[i] = 0;
			assert_true(audit_checkpoint_parse(changed, host.public_key, &checkpoint) <
				    0);
		}
	assert_int_equal(audit_checkpoint_parse(text, other, &checkpoint), -EKEYREJECTED);
	/* nothing may follow */
	strcat(strcpy(changed, text), "\n");
	assert_int_equal(audit_checkpoint_parse(changed, host.public_key, &checkpoint), -EBADMSG);
}

static void a_log_with_missing_lines_is_not_signed(void **state)
{
	(void)state;
	append_some(3);
	assert_int_equal(truncate(path, 700), 0);
	append_some(1);
	assert_int_equal(audit_log_seal(directory, &host), -ESTALE);
}

/* RFC 6962's tree, from its definition: of n lines, the left half has the largest power of two less
 * than n. */
static void define_root(uint8_t (*lines)[32], size_t count, uint8_t root[static 32])
{
	uint8_t bytes[65];

	if (count == 1) {
		bytes[0] = 0;
		memcpy(bytes + 1, lines[0], 32);
		crypto_hash_sha256(root, bytes, 33);
		return;
	}
	size_t left = 1;
	while (2 * left < count)
		left *= 2;
	bytes[0] = 1;
	define_root(lines, left, bytes + 1);
	define_root(lines + left, count - left, bytes + 33);
	crypto_hash_sha256(root, bytes, sizeof(bytes));
}

static void roots_are_those_of_the_definition(void **state)
{
	static uint8_t lines[70][32];
	struct audit_tree tree = { 0 };
	uint8_t root[32], defined[32];

	(void)state;
	randombytes_buf(lines, sizeof(lines));
	for (size_t i = 0; i < 70; i++) {
		audit_tree_add(&tree, lines[i]);
		audit_tree_root(&tree, root);
		define_root(lines, i + 1, defined);
		assert_memory_equal(root, defined, sizeof(root));
	}
}

static void check_line(void *context, const struct audit_line *line)
{
	size_t *longest = context;

	assert_true(line->size < AUDIT_LINE_MAX);
	for (size_t i = 0; i < line->size; i++)
		assert_true(line->text[i] >= 0x20 && line->text[i] < 0x7f);
	if (line->size > *longest)
		*longest = line->size;
}

static void fill(char *text, size_t size, const char *with)
{
	for (size_t i = 0; i + 1 < size; i++)
		text[i] = with[i % strlen(with)];
	text[size - 1] = 0;
}

static void hostile_strings_stay_ascii_and_within_a_line(void **state)
{
	static const char *const TEXTS[] = { "\xff",	"\n",	 "\"", "\\",
					     "\x1b[2J", "a\x7f", "é",  "\",\"seq\":9,\"prev\":\"" };
	struct audit_subject subject = { .pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	struct audit_object object = { .device = UINT64_MAX,
				       .inode = UINT64_MAX,
				       .size = UINT64_MAX };
	struct audit_verdict verdict;
	struct audit_log *log = open_log();
	size_t longest = 0;
	char *long_text = malloc(1 << 20);

	(void)state;
	memset(object.capture_id, 0xff, sizeof(object.capture_id));
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		fill(subject.exe, sizeof(subject.exe), TEXTS[i]);
		fill(subject.cgroup, sizeof(subject.cgroup), TEXTS[i]);
		fill(long_text, 1 << 20, TEXTS[i]);
		object.state = long_text;
		assert_int_equal(audit_log_append(log,
						  &(struct audit_record) {
							  .operation = "open.deny",
							  .result = "denied",
							  .subject = &subject,
							  .object = &object,
							  .why = long_text,
							  .rule = long_text,
							  .numbers = { "a", "b", "c", "d" },
							  .values = { UINT64_MAX, UINT64_MAX,
								      UINT64_MAX, UINT64_MAX } }),
				 0);
	}
	audit_log_close(log);
	free(long_text);
	struct audit_reading reading = { .visit = check_line, .context = &longest };
	assert_int_equal(audit_log_read(directory, &reading, &verdict), 0);
	assert_true(verdict.is_intact);
	assert_int_equal(verdict.records, 1 + sizeof(TEXTS) / sizeof(TEXTS[0]));
	assert_true(longest > 1024);
}

static void after_a_failed_write_nothing_more_is_appended(void **state)
{
	struct rlimit old, tight;
	struct audit_log *log = open_log();
	struct stat st;

	(void)state;
	assert_int_equal(audit_log_append(log, &RECORD), 0);
	assert_int_equal(stat(path, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)st.st_size + 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	int err = audit_log_append(log, &RECORD);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(err < 0);
	/* there is room again, but this one has lost its word */
	assert_int_equal(audit_log_append(log, &RECORD), -EIO);
	assert_int_equal(audit_log_append(log, &RECORD), -EIO);
	audit_log_close(log);
	/* what was written of it is taken back */
	append_some(1);
	assert_intact(2);
	assert_int_equal(verify().torn, 0);
	signal(SIGXFSZ, SIG_DFL);
}

static void after_a_failed_sync_nothing_more_is_appended(void **state)
{
	struct audit_log *log = open_log();

	(void)state;
	sync_count = 0;
	assert_int_equal(audit_log_append(log, &RECORD), 0);
	assert_int_equal(sync_count, 1);
	sync_error = EIO;
	assert_int_equal(audit_log_append(log, &RECORD), -EIO);
	/* the kernel may call the next sync good although the data is lost: it is not even tried */
	sync_error = 0;
	sync_count = 0;
	assert_int_equal(audit_log_append(log, &RECORD), -EIO);
	assert_int_equal(sync_count, 0);
	audit_log_close(log);
	/* nor does another one go on in that file */
	append_some(1);
	assert_intact(3);
	assert_int_equal(count_segments(), 2);
}

static int reserve_error; /* what fallocate() fails with */

int fallocate(int fd, int mode, off_t offset, off_t size)
{
	(void)fd;
	(void)mode;
	(void)offset;
	(void)size;
	errno = reserve_error;
	return reserve_error ? -1 : 0;
}

/* Where the disk has no room for the records that will follow, nothing is begun, but all is noted.
 */
static void without_room_gates_stay_closed_and_the_rest_is_noted(void **state)
{
	struct audit_record gate = RECORD;
	struct audit_log *log = open_log();

	(void)state;
	gate.is_gate = true;
	reserve_error = ENOSPC;
	assert_int_equal(audit_log_append(log, &gate), -ENOSPC);
	assert_int_equal(audit_log_append(log, &RECORD), 0);
	assert_int_equal(audit_log_append(log, &gate), -ENOSPC);
	reserve_error = 0;
	assert_int_equal(audit_log_append(log, &gate), 0);
	audit_log_close(log);
	assert_intact(2);
	/* a file system that cannot reserve takes all */
	log = open_log();
	reserve_error = EOPNOTSUPP;
	assert_int_equal(audit_log_append(log, &gate), 0);
	reserve_error = 0;
	audit_log_close(log);
}

static void a_log_whose_mending_is_not_durable_does_not_open(void **state)
{
	struct audit_log *log;

	(void)state;
	append_some(1);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(io_write(fd, "{\"v\":1", 6), 0);
	close(fd);
	sync_error = ENOSPC;
	assert_int_equal(audit_log_open(directory, &host, &log), -ENOSPC);
	sync_error = 0;
	append_some(1);
	/* the one before, what was torn, the mending or the segment that took its place, and one */
	assert_int_equal(verify().torn, 1);
	assert_true(audit().is_intact);
}

static void a_log_that_is_gone_takes_no_more(void **state)
{
	struct audit_log *log = open_log();

	(void)state;
	assert_int_equal(audit_log_append(log, &RECORD), 0);
	unlink(path);
	assert_int_equal(audit_log_append(log, &RECORD), -EBADMSG);
	audit_log_close(log);
}

static void a_log_that_others_may_write_is_refused(void **state)
{
	struct audit_log *log;

	(void)state;
	append_some(1);
	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(audit_log_open(directory, &host, &log), -EPERM);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(directory, 0702), 0);
	assert_int_equal(audit_log_open(directory, &host, &log), -EPERM);
	assert_int_equal(chmod(directory, 0700), 0);
	append_some(1);
	assert_intact(2);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(audit_log_open(directory, &host, &log), -EPERM);
	}
}

static void a_failed_opening_closes_nothing_else(void **state)
{
	struct audit_log *log;

	(void)state;
	assert_int_equal(audit_log_open("/dev/null/audit", &host, &log), -ENOTDIR);
	assert_true(fcntl(0, F_GETFD) >= 0);
}

static void measure_line(void *context, const struct audit_line *line)
{
	size_t *lines = context;

	assert_true(line->kept <= AUDIT_LINE_MAX);
	++*lines;
}

static void any_file_can_be_read(void **state)
{
	static char text[200000];
	struct audit_verdict verdict;
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 20; round++) {
		size_t lines = 0, newlines = 0;
		for (size_t i = 0; i < sizeof(text); i++) {
			text[i] = (char)(rand_r(&seed) % (round % 2 ? 256 : 12));
			/* lines longer than any record, too */
			if (text[i] == '\n' && round % 4 == 3 && newlines)
				text[i] = 0;
			newlines += text[i] == '\n';
		}
		store(text, sizeof(text));
		struct audit_reading reading = { .visit = measure_line, .context = &lines };
		assert_int_equal(audit_log_read(directory, &reading, &verdict), 0);
		assert_false(verdict.is_intact);
		assert_int_equal(verdict.records, 0);
		assert_int_equal(lines, newlines);
		assert_int_equal(verdict.torn, newlines);
	}
}

static void open_refuses_a_link(void **state)
{
	struct audit_log *log;

	(void)state;
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(audit_log_open(directory, &host, &log), -ELOOP);
}

static void a_log_that_is_not_there_is_said(void **state)
{
	struct audit_verdict verdict;

	(void)state;
	assert_int_equal(audit_log_read(directory, &(struct audit_reading) { 0 }, &verdict),
			 -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_appended_by_several_runs_are_one_chain),
		TEST(two_who_append_in_turn_make_one_chain),
		TEST(every_changed_byte_is_found),
		TEST(a_clock_that_was_set_back_is_told),
		TEST(a_line_removed_is_found),
		TEST(lines_out_of_order_are_found),
		TEST(every_changed_byte_of_a_copy_is_found_by_the_auditor),
		TEST(a_cut_log_goes_on_and_never_is_intact_again),
		TEST(a_removed_log_goes_on_and_says_it),
		TEST(a_line_that_the_vault_did_not_write_is_found),
		TEST(a_full_segment_is_followed_by_the_next),
		TEST(new_auditors_get_the_key_of_a_new_segment),
		TEST(a_key_is_gone_once_it_was_used),
		TEST(a_segment_that_was_begun_half_is_begun_again),
		TEST(a_checkpoint_holds_for_a_log_that_grew),
		TEST(every_changed_byte_of_a_checkpoint_is_found),
		TEST(a_log_with_missing_lines_is_not_signed),
		TEST(roots_are_those_of_the_definition),
		TEST(without_room_gates_stay_closed_and_the_rest_is_noted),
		TEST(a_torn_last_line_is_mended_and_said),
		TEST(a_torn_mending_is_mended),
		TEST(an_unfinished_line_that_nobody_mentions_is_found),
		TEST(a_foreign_file_is_not_continued),
		TEST(a_log_that_shrank_takes_no_more),
		TEST(hostile_strings_stay_ascii_and_within_a_line),
		TEST(after_a_failed_write_nothing_more_is_appended),
		TEST(after_a_failed_sync_nothing_more_is_appended),
		TEST(a_log_whose_mending_is_not_durable_does_not_open),
		TEST(a_log_that_is_gone_takes_no_more),
		TEST(a_log_that_others_may_write_is_refused),
		TEST(a_failed_opening_closes_nothing_else),
		TEST(any_file_can_be_read),
		TEST(open_refuses_a_link),
		TEST(a_log_that_is_not_there_is_said),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
