// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/record.h"

#include "base/io.h"
#include "base/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WHY_MAX	   1024 /* bytes of escaped text; longest strings together fit into a line */
#define EXE_MAX	   768
#define CGROUP_MAX 384

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
	if (n > 0)
		line->size += (size_t)n;
}

/* A JSON string of at most max bytes. What is not printable ASCII becomes \u00XX, byte by byte. */
static void put_string(struct line *line, const char *string, size_t max)
{
	size_t end = line->size + max;

	put(line, "\"");
	for (const unsigned char *p = (const unsigned char *)string; *p && line->size + 8 < end;
	     p++) {
		if (*p == '"' || *p == '\\')
			put(line, "\\%c", *p);
		else if (*p < 0x20 || *p > 0x7e)
			put(line, "\\u%04x", *p);
		else
			put(line, "%c", *p);
	}
	put(line, "\"");
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

	self.pid = getpid();
	self.uid = geteuid();
	self.gid = getegid();
	put(&line, "{\"v\":1,\"seg\":1,\"seq\":%" PRIu64 ",", position->sequence);
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
	put(&line, ",\"prev\":");
	put_hex(&line, position->previous, sizeof(position->previous));
	put(&line, "}\n");
	return line.size;
}
