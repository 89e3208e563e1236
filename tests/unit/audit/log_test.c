// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/log.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/heaptrail-audit-XXXXXX";
static char path[64];

static int set_up_all(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/audit.log", directory);
	return 0;
}

static int tear_down_all(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

static int set_up(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static int sync_error; /* what fdatasync() fails with; 0: it works */
static int sync_count;

/* In place of the C library's. */
int fdatasync(int fd)
{
	sync_count++;
	errno = sync_error;
	return sync_error ? -1 : fsync(fd);
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

	assert_int_equal(audit_log_open(directory, &log), 0);
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

static struct audit_verdict verify(void)
{
	struct audit_verdict verdict;

	assert_int_equal(audit_log_read(directory, NULL, NULL, &verdict), 0);
	return verdict;
}

static void assert_intact(uint64_t records)
{
	struct audit_verdict verdict = verify();

	if (!verdict.is_intact)
		print_error("%s\n", verdict.reason);
	assert_true(verdict.is_intact);
	assert_int_equal(verdict.records, records);
}

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

static void every_changed_byte_is_found(void **state)
{
	char *text;
	size_t size, unseen = 0;

	(void)state;
	append_some(3);
	text = load(&size);
	size_t last = (size_t)(line_of(text, 2) - text);
	for (size_t i = 0; i < size; i++) {
		text[i] ^= 1;
		store(text, size);
		text[i] ^= 1;
		bool is_found = !verify().is_intact;
		/* nothing follows the last line that could speak for its contents */
		if (i < last)
			assert_true(is_found);
		else
			unseen += !is_found;
	}
	assert_true(unseen > 0);
	free(text);
}

static void a_line_removed_is_found(void **state)
{
	char *text;
	size_t size;

	(void)state;
	append_some(4);
	text = load(&size);
	for (int i = 0; i < 3; i++) {
		char *from = line_of(text, i), *to = line_of(text, i + 1);
		store(text, (size_t)(from - text));
		int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_int_equal(io_write(fd, to, size - (size_t)(to - text)), 0);
		close(fd);
		struct audit_verdict verdict = verify();
		char line[32];
		snprintf(line, sizeof(line), "line %d:", i + 1);
		assert_false(verdict.is_intact);
		assert_int_equal(strncmp(verdict.reason, line, strlen(line)), 0);
	}
	free(text);
}

static void lines_out_of_order_are_found(void **state)
{
	char *text, *other;
	size_t size;

	(void)state;
	append_some(4);
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

static void a_cut_inside_a_line_is_found(void **state)
{
	char *text;
	size_t size;

	(void)state;
	append_some(2);
	text = load(&size);
	size_t last = (size_t)(line_of(text, 1) - text);
	for (size_t cut = 1; cut < size; cut++) {
		if (cut == last)
			continue;
		store(text, cut);
		assert_false(verify().is_intact);
	}
	free(text);
}

/* A crash can leave any part of a line; the next who opens ends it, and says so. */
static void a_torn_last_line_is_mended_and_said(void **state)
{
	char *text, *mended;
	size_t size, mended_size;

	(void)state;
	append_some(3);
	text = load(&size);
	for (int line = 0; line < 3; line++) {
		size_t begin = (size_t)(line_of(text, line) - text);
		size_t end = (size_t)(line_of(text, line + 1) - text);
		for (size_t cut = begin + 1; cut < end; cut++) {
			bool is_whole = cut == end - 1; /* only its newline is missing */
			store(text, cut);
			append_some(1);
			assert_intact((uint64_t)line + 2 + is_whole);
			mended = load(&mended_size);
			assert_non_null(strstr(line_of(mended, line + 1), "\"op\":\"log.torn\""));
			free(mended);
		}
	}
	free(text);
}

/* The mending can be cut short, too, and again. */
static void a_torn_mending_is_mended(void **state)
{
	char *text;
	size_t size;

	(void)state;
	append_some(2);
	text = load(&size);
	size_t torn = (size_t)(line_of(text, 1) - text) + 20;
	store(text, torn);
	free(text);
	append_some(0);
	text = load(&size);
	assert_true(size > torn + 1);
	for (size_t cut = torn + 1; cut < size; cut++) {
		store(text, cut);
		append_some(1);
		assert_intact(cut == size - 1 ? 4 : 3);
	}
	free(text);
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
	store(text, 4000); /* some file systems leave zeros where a crash met a write */
	append_some(1);
	assert_intact(2);
	store(text, size);
	assert_int_equal(audit_log_open(directory, &log), -EBADMSG);
	memset(text, '\n', size);
	store(text, size);
	assert_int_equal(audit_log_open(directory, &log), -EBADMSG);
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

static void check_line(void *context, const char *line, size_t size)
{
	size_t *longest = context;

	assert_true(size < AUDIT_LINE_MAX);
	for (size_t i = 0; i < size; i++)
		assert_true(line[i] >= 0x20 && line[i] < 0x7f);
	if (size > *longest)
		*longest = size;
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
	assert_int_equal(audit_log_read(directory, check_line, &longest, &verdict), 0);
	assert_true(verdict.is_intact);
	assert_int_equal(verdict.records, sizeof(TEXTS) / sizeof(TEXTS[0]));
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
	append_some(1);
	assert_intact(3);
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
}

static void a_log_whose_mending_is_not_durable_does_not_open(void **state)
{
	struct audit_log *log;

	(void)state;
	store("{\"v\":1", 6);
	sync_error = ENOSPC;
	assert_int_equal(audit_log_open(directory, &log), -ENOSPC);
	sync_error = 0;
	append_some(1);
	assert_intact(2); /* the mending, and one */
	assert_int_equal(verify().torn, 1);
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
	assert_int_equal(audit_log_open(directory, &log), -EPERM);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(chmod(directory, 0702), 0);
	assert_int_equal(audit_log_open(directory, &log), -EPERM);
	assert_int_equal(chmod(directory, 0700), 0);
	append_some(1);
	assert_intact(2);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, 65534), 0);
		assert_int_equal(audit_log_open(directory, &log), -EPERM);
	}
}

static void a_failed_opening_closes_nothing_else(void **state)
{
	struct audit_log *log;

	(void)state;
	assert_int_equal(audit_log_open("/dev/null/audit", &log), -ENOTDIR);
	assert_true(fcntl(0, F_GETFD) >= 0);
}

static void measure_line(void *context, const char *line, size_t size)
{
	size_t *lines = context;

	assert_non_null(line);
	assert_true(size <= AUDIT_LINE_MAX);
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
		assert_int_equal(audit_log_read(directory, measure_line, &lines, &verdict), 0);
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
	assert_int_equal(audit_log_open(directory, &log), -ELOOP);
}

static void a_log_that_is_not_there_is_said(void **state)
{
	struct audit_verdict verdict;

	(void)state;
	assert_int_equal(audit_log_read(directory, NULL, NULL, &verdict), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_appended_by_several_runs_are_one_chain),
		TEST(two_who_append_in_turn_make_one_chain),
		TEST(every_changed_byte_is_found),
		TEST(a_line_removed_is_found),
		TEST(lines_out_of_order_are_found),
		TEST(a_cut_inside_a_line_is_found),
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
