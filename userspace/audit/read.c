// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/read.h"

#include "audit/segments.h"
#include "audit/state.h"
#include "audit/tree.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

struct check {
	const struct audit_reading *reading;
	struct audit_verdict *verdict;
	uint64_t segment, line; /* where it is; the line's number in its file */
	struct audit_position
		next;		  /* what the next line should be; its key where MACs are checked */
	bool has_key;		  /* of this segment */
	bool expects_torn;	  /* the line before was no record: this one must say so */
	struct audit_time before; /* of the record before; .wall_us 0: there is none */
	bool has_signer;
	uint8_t signer[32]; /* the key of the segment before */
};

__attribute__((format(printf, 2, 3))) static void complain(struct check *check, const char *format,
							   ...)
{
	struct audit_verdict *verdict = check->verdict;
	va_list args;

	if (!verdict->is_intact)
		return;
	verdict->is_intact = false;
	int n = snprintf(verdict->reason, sizeof(verdict->reason),
			 "segment %" PRIu64 ", line %" PRIu64 ": ", check->segment, check->line);
	va_start(args, format);
	vsnprintf(verdict->reason + n, sizeof(verdict->reason) - (size_t)n, format, args);
	va_end(args);
}

static bool is_signed(const struct check *check, const struct audit_handover *handover,
		      const uint8_t key[static 32])
{
	uint8_t message[AUDIT_HANDOVER_MESSAGE_BYTES];

	audit_handover_message(&check->next, handover->public_key, message);
	return crypto_sign_verify_detached(handover->signature, message, sizeof(message), key) == 0;
}

/* The text of the record's `why`, still escaped. */
static int why_of(const struct audit_line *line, const char **why)
{
	static const char FIELD[] = ",\"why\":\"";
	const char *at = memmem(line->text, line->kept, FIELD, sizeof(FIELD) - 1);

	*why = at ? at + sizeof(FIELD) - 1 : "";
	const char *end = at ? memchr(*why, '"', line->kept - (size_t)(*why - line->text)) : NULL;
	return end ? (int)(end - *why) : 0;
}

/* The first record of a segment vouches for the segment's key, and gives the auditors the first key
 * of its MACs. */
static void check_handover(struct check *check, const struct audit_line *line)
{
	static const char FAILED[] = ",\"res\":\"failed\",";
	const struct audit_reading *reading = check->reading;
	struct audit_handover handover;
	const char *why;

	check->has_key = false;
	if (!audit_record_has_operation(line->text, line->kept, "log.start") ||
	    audit_record_handover(line->text, line->kept, &handover)) {
		complain(check, "does not begin its segment");
		return;
	}
	int length = why_of(line, &why);
	if (memmem(line->text, line->kept, FAILED, sizeof(FAILED) - 1))
		complain(check, "the log was damaged before it: %.*s", length, why);
	if (handover.is_by_host && reading->host_pk &&
	    !is_signed(check, &handover, reading->host_pk))
		complain(check, "its segment's key is not signed by this host's key");
	if (handover.is_by_host && check->segment > 1)
		complain(check, "the segment before does not vouch for it");
	/* where a log is read from its middle on, nothing can vouch for the first segment */
	if (!handover.is_by_host && check->has_signer &&
	    !is_signed(check, &handover, check->signer))
		complain(check, "its segment's key is not signed by the segment before");
	memcpy(check->signer, handover.public_key, sizeof(check->signer));
	check->has_signer = true;
	if (reading->unwrap && handover.wrapped[0]) {
		check->has_key = reading->unwrap(reading->context, handover.wrapped,
						 check->next.key) == 0;
		if (!check->has_key)
			complain(check, "its keys were not given to this auditor");
	}
}

/* Within a boot the other clock tells how much later it is; from one boot to the next it is later
 * at least. A computer that slept goes forward, and that says nothing. */
#define SET_BACK_LEAST_US 2000000 /* a leap second is no lie */

static void check_time(struct check *check, const struct audit_line *line)
{
	struct audit_verdict *verdict = check->verdict;
	struct audit_time *before = &check->before, now;

	if (!audit_record_time(line->text, line->kept, &now))
		return;
	bool is_same_boot = now.boot[0] && strcmp(now.boot, before->boot) == 0;
	int64_t later = is_same_boot && now.mono_us > before->mono_us
				? now.mono_us - before->mono_us
				: 0;
	int64_t back = before->wall_us ? later - (now.wall_us - before->wall_us) : 0;
	*before = now;
	if (back < SET_BACK_LEAST_US)
		return;
	if (!verdict->set_back++) {
		verdict->set_back_at = check->next.sequence;
		verdict->set_back_s = (uint64_t)back / 1000000;
	}
}

static void check_record(struct check *check, const struct audit_line *line)
{
	check->verdict->records++;
	if (check->line == 1)
		check_handover(check, line);
	/* where even that could not be written, a new segment begins */
	if (check->expects_torn &&
	    !audit_record_has_operation(line->text, line->kept,
					check->line == 1 ? "log.start" : "log.torn"))
		complain(check, "follows an unfinished line without saying so");
	if (audit_record_segment(line->text, line->kept) != check->segment)
		complain(check, "belongs to another segment");
	if (audit_record_sequence(line->text, line->kept) != check->next.sequence)
		complain(check, "records are missing before it, or it is out of place");
	if (!audit_record_follows(line->text, line->kept, check->next.previous))
		complain(check, "does not follow from the line before: one of them was changed");
	check_time(check, line);
	if (check->has_key) {
		check->verdict->sealed++;
		if (!audit_record_is_sealed(line->text, line->kept, check->next.key))
			complain(check,
				 "was changed, or not written by the vault: its MAC is wrong");
	}
}

static void compare_with_checkpoint(struct check *check)
{
	const struct audit_checkpoint *checkpoint = check->reading->checkpoint;
	uint8_t root[AUDIT_HASH_BYTES];

	if (!checkpoint || check->verdict->tree.size != checkpoint->size)
		return;
	audit_tree_root(&check->verdict->tree, root);
	if (memcmp(root, checkpoint->root, sizeof(root)) != 0)
		complain(check, "up to here the log is not what the checkpoint signs");
}

static int check_line(void *context, const struct audit_line *line)
{
	struct check *check = context;

	check->line++;
	/* read from its middle on, a log begins where its first record says */
	if (!check->next.sequence && line->is_record) {
		check->next.sequence = audit_record_sequence(line->text, line->kept);
		audit_record_previous(line->text, line->kept, check->next.previous);
	}
	if (!line->is_finished)
		complain(check, "is not finished");
	else if (line->is_record)
		check_record(check, line);
	else
		check->verdict->torn++;
	if (!line->is_record && check->line == 1)
		complain(check, "does not begin its segment");
	check->expects_torn = !line->is_record;
	memcpy(check->next.previous, line->hash, sizeof(line->hash));
	check->next.sequence++;
	if (check->has_key)
		audit_key_evolve(check->next.key);
	audit_tree_add(&check->verdict->tree, line->hash);
	compare_with_checkpoint(check);
	if (check->reading->visit && line->is_finished)
		check->reading->visit(check->reading->context, line);
	return 0;
}

/* --- files --- */

/* What there is of the log at one moment: files that are ended do not change any more. */
struct files {
	int directory, current; /* -1: no audit.log */
	uint64_t current_segment, current_size;
	uint64_t *segments; /* whose next has begun */
	size_t count;
	bool has_extent;
	struct audit_extent extent;
};

static int look(const char *path, struct files *files)
{
	struct stat st;

	files->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (files->directory < 0)
		return -errno;
	/* only this is done under the lock: whoever pages through the log must not keep the vault
	 * from writing */
	if (flock(files->directory, LOCK_SH))
		return -errno;
	int err = audit_segments_list(files->directory, &files->segments, &files->count);
	if (!err) {
		files->current = openat(files->directory, AUDIT_FILE_NAME,
					O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (files->current < 0 && errno != ENOENT)
			err = -errno;
	}
	if (!err && files->current >= 0) {
		if (fstat(files->current, &st))
			err = -errno;
		else if (!S_ISREG(st.st_mode))
			err = -EINVAL;
		files->current_size = err ? 0 : (uint64_t)st.st_size;
		files->current_segment = audit_segment_of(files->current);
	}
	int state = openat(files->directory, AUDIT_STATE_NAME,
			   O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	files->has_extent = state >= 0 && audit_state_read_extent(state, &files->extent) == 0;
	io_close(&state);
	flock(files->directory, LOCK_UN);
	return !err && files->current < 0 && !files->count ? -ENOENT : err;
}

static int read_ended(struct check *check, const struct files *files, uint64_t segment)
{
	char name[AUDIT_NAME_MAX];
	struct stat st;
	int fd = openat(files->directory, audit_segment_name(name, segment),
			O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	int err = fd < 0 || fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;

	if (!err)
		err = audit_lines_read(fd, 0, (uint64_t)st.st_size, check_line, check);
	io_close(&fd);
	return err;
}

/* Goes on to the segment's first line. */
static void begin(struct check *check, uint64_t segment)
{
	uint64_t expected = check->verdict->segments ? check->segment + 1 : check->next.segment;

	check->line = 0;
	if (segment != expected) {
		check->segment = expected;
		complain(check, "segments are missing: the next one is %" PRIu64, segment);
	}
	check->segment = segment;
	check->next.segment = segment;
	check->verdict->segments++;
}

static int read_files(struct check *check, const struct files *files)
{
	int err = 0;

	for (size_t i = 0; i < files->count && !err; i++) {
		if (files->segments[i] < check->reading->first_segment)
			continue;
		begin(check, files->segments[i]);
		err = read_ended(check, files, files->segments[i]);
	}
	if (err)
		return err;
	if (files->current < 0) {
		check->line++;
		complain(check, "the file that is written is missing");
		return 0;
	}
	begin(check, files->current_segment ? files->current_segment : check->segment + 1);
	return audit_lines_read(files->current, 0, files->current_size, check_line, check);
}

/* Whether lines were cut off can only be told from what is kept outside of the lines. */
static void check_end(struct check *check, const struct files *files)
{
	const struct audit_checkpoint *checkpoint = check->reading->checkpoint;
	struct audit_verdict *verdict = check->verdict;

	if (check->expects_torn)
		complain(check, "is not a record, and none tells of it");
	check->line++;
	if (files->has_extent) {
		if (files->extent.sequence > check->next.sequence)
			complain(check, "%" PRIu64 " records are missing at the end",
				 files->extent.sequence - check->next.sequence);
		/* a crash may have kept the state from following; the vault will see to that */
		else if (files->extent.sequence == check->next.sequence &&
			 memcmp(files->extent.previous, check->next.previous, AUDIT_HASH_BYTES) !=
				 0)
			complain(check, "the line before it was changed");
		verdict->is_end_known = verdict->is_intact;
	}
	if (checkpoint && verdict->tree.size < checkpoint->size)
		complain(check, "the checkpoint signs %" PRIu64 " lines, and there are %" PRIu64,
			 checkpoint->size, verdict->tree.size);
}

int audit_log_read(const char *directory, const struct audit_reading *reading,
		   struct audit_verdict *verdict)
{
	struct check check = { .reading = reading, .verdict = verdict };
	struct files files = { .directory = -1, .current = -1 };

	*verdict = (struct audit_verdict) { .is_intact = true };
	check.next.segment = reading->first_segment > 1 ? reading->first_segment : 1;
	/* read from its middle on, it begins where its first record says */
	check.next.sequence = reading->first_segment > 1 ? 0 : 1;
	int err = look(directory, &files);
	if (!err)
		err = read_files(&check, &files);
	if (!err)
		check_end(&check, &files);
	free(files.segments);
	io_close(&files.current);
	io_close(&files.directory);
	sodium_memzero(&check, sizeof(check));
	return err;
}
