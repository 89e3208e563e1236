// SPDX-License-Identifier: GPL-2.0-or-later
/* What is in the log's file beyond, or short of, the end that the state knows. */
#include "audit/lines.h"
#include "audit/log_parts.h"
#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
	return audit_log_write(log, &record);
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

int audit_log_compare(struct audit_log *log, struct damage *damage)
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
