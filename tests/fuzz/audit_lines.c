// SPDX-License-Identifier: GPL-2.0-or-later
/* A file of the audit log, line by line. */
#include "audit/lines.h"
#include "tests/fuzz/fuzz.h"

struct sums {
	uint64_t bytes;
	bool was_finished;
};

static int visit(void *context, const struct audit_line *line)
{
	struct sums *sums = context;

	/* only the last one may have no newline */
	require(sums->was_finished && line->kept <= AUDIT_LINE_MAX && line->kept <= line->size);
	require(!memchr(line->text, '\n', line->kept));
	sums->was_finished = line->is_finished;
	sums->bytes += line->size + line->is_finished;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t from = take_byte(&data, &size);
	struct sums sums = { .was_finished = true };
	int fd = file_of(data, size);

	if (from > size)
		from = size;
	require(audit_lines_read(fd, from, size, visit, &sums) == 0);
	require(sums.bytes == size - from);
	return 0;
}
