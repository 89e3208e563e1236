// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/record.h"

#include "base/io.h"
#include "base/text.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Bytes of escaped text; the longest strings together fit into a line. */
#define WHY_MAX	   1024
#define EXE_MAX	   768
#define CGROUP_MAX 384

#define HEX_BYTES (2 * AUDIT_HASH_BYTES)

#define CUT "\\u2026" /* no byte is written like this */

static const char LINE_START[] = "{\"v\":1,\"seg\":1,\"seq\":";
static const char LINE_PREV[] = ",\"prev\":\"";
static const char LINE_END[] = "\"}";

struct line {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void put(struct line *line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(line->text + line->size, AUDIT_LINE_MAX - line->size, format, args);
	va_end(args);
	/* every string is bounded: what does not fit is a mistake of ours, and must not be a record
	 */
	assert(n >= 0 && line->size + (size_t)n < AUDIT_LINE_MAX);
	line->size += (size_t)n;
}

/* A JSON string of at most max bytes. What is not printable ASCII becomes \u00XX, byte by byte. */
static void put_string(struct line *line, const char *string, size_t max)
{
	const unsigned char *p = (const unsigned char *)string;
	size_t end = line->size + max - sizeof("\"" CUT) + 1;
	char escaped[8];

	put(line, "\"");
	for (; *p; p++) {
		if (*p == '"' || *p == '\\')
			snprintf(escaped, sizeof(escaped), "\\%c", *p);
		else if (*p < 0x20 || *p > 0x7e)
			snprintf(escaped, sizeof(escaped), "\\u%04x", *p);
		else
			snprintf(escaped, sizeof(escaped), "%c", *p);
		if (line->size + strlen(escaped) > end)
			break;
		put(line, "%s", escaped);
	}
	put(line, "%s\"", *p ? CUT : "");
}

static void put_hex(struct line *line, const void *data, size_t size)
{
	char text[2 * AUDIT_HASH_BYTES + 1];

	put(line, "\"%s\"", text_hex(text, data, size));
}

static void put_time(struct line *line)
{
	struct timespec now, mono;
	struct tm tm;
	char boot[37] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && io_read(fd, boot, 36))
		boot[0] = 0;
	io_close(&fd);
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	gmtime_r(&now.tv_sec, &tm);
	put(line,
	    "\"t\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ\",\"mono\":%lld.%09ld,\"boot\":\"%s\"",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    now.tv_nsec / 1000, (long long)mono.tv_sec, mono.tv_nsec, boot);
}

static void put_subject(struct line *line, const struct audit_subject *subject)
{
	put(line, ",\"subj\":{\"pid\":%d,\"uid\":%u,\"gid\":%u,\"auid\":%d,\"ses\":%d,\"exe\":",
	    subject->pid, subject->uid, subject->gid, (int)subject->auid, (int)subject->session);
	put_string(line, subject->exe, EXE_MAX);
	put(line, ",\"cgroup\":");
	put_string(line, subject->cgroup, CGROUP_MAX);
	put(line, "}");
}

static void put_object(struct line *line, const struct audit_object *object)
{
	put(line, ",\"obj\":{\"cap\":");
	put_hex(line, object->capture_id, sizeof(object->capture_id));
	put(line, ",\"hdr\":");
	put_hex(line, object->header_hash, sizeof(object->header_hash));
	put(line, ",\"dev\":%" PRIu64 ",\"ino\":%" PRIu64 ",\"size\":%" PRIu64, object->device,
	    object->inode, object->size);
	if (object->state) {
		put(line, ",\"state\":");
		put_string(line, object->state, 64);
	}
	put(line, "}");
}

size_t audit_record_format(const struct audit_record *record, const struct audit_position *position,
			   char text[static AUDIT_LINE_MAX])
{
	static const struct audit_subject NOBODY = { .auid = (uid_t)-1, .session = (uint32_t)-1 };
	struct audit_subject self = NOBODY;
	struct line line = { .text = text };
	char previous[HEX_BYTES + 1];

	self.pid = getpid();
	self.uid = geteuid();
	self.gid = getegid();
	put(&line, "%s%" PRIu64 ",", LINE_START, position->sequence);
	put_time(&line);
	put(&line, ",\"op\":\"%s\",\"res\":\"%s\"", record->operation, record->result);
	put_subject(&line, record->subject ? record->subject : &self);
	if (record->object)
		put_object(&line, record->object);
	for (size_t i = 0; i < 4 && record->numbers[i]; i++)
		put(&line, ",\"%s\":%" PRIu64, record->numbers[i], record->values[i]);
	if (record->why) {
		put(&line, ",\"why\":");
		put_string(&line, record->why, WHY_MAX);
	}
	if (record->rule) {
		put(&line, ",\"rule\":");
		put_string(&line, record->rule, 128);
	}
	put(&line, "%s%s%s\n", LINE_PREV,
	    text_hex(previous, position->previous, sizeof(position->previous)), LINE_END);
	return line.size;
}

static bool is_printable(const char *line, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			return false;
	return true;
}

bool audit_record_is(const char *line, size_t size)
{
	const size_t prev_size = sizeof(LINE_PREV) - 1, end_size = sizeof(LINE_END) - 1;
	const size_t tail_size = prev_size + HEX_BYTES + end_size;

	if (size && line[size - 1] == '\n')
		size--;
	if (size + 1 >= AUDIT_LINE_MAX || !is_printable(line, size) ||
	    !audit_record_sequence(line, size) || size < sizeof(LINE_START) - 1 + tail_size)
		return false;
	const char *tail = line + size - tail_size;
	return memcmp(tail, LINE_PREV, prev_size) == 0 &&
	       strspn(tail + prev_size, "0123456789abcdef") == HEX_BYTES &&
	       memcmp(line + size - end_size, LINE_END, end_size) == 0;
}

/* Decimal digits, no sign, no leading zero, then a comma. */
uint64_t audit_record_sequence(const char *line, size_t size)
{
	const char *text = line + sizeof(LINE_START) - 1, *end = line + size;
	uint64_t sequence = 0;

	if (size <= sizeof(LINE_START) || memcmp(line, LINE_START, sizeof(LINE_START) - 1) != 0 ||
	    *text == '0')
		return 0;
	for (; text < end && *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(sequence, 10, &sequence) ||
		    __builtin_add_overflow(sequence, (uint64_t)(*text - '0'), &sequence))
			return 0;
	return text < end && *text == ',' ? sequence : 0;
}
