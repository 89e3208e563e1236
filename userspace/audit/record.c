// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/record.h"

#include "base/bytes.h"
#include "base/io.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
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

static const char LINE_SEGMENT[] = "{\"v\":1,\"seg\":";
static const char LINE_SEQUENCE[] = ",\"seq\":";
static const char LINE_KEY[] = ",\"key\":{\"pk\":\"";
static const char LINE_PREV[] = ",\"prev\":\"";
static const char LINE_MAC[] = "\",\"mac\":\"";
static const char LINE_END[] = "\"}";

/* How a record ends: its hash of the line before, and its MAC. */
#define MAC_OFFSET  (sizeof(LINE_MAC) - 1 + HEX_BYTES + sizeof(LINE_END) - 1)
#define TAIL_OFFSET (sizeof(LINE_PREV) - 1 + HEX_BYTES + MAC_OFFSET)

static const char HANDOVER_LABEL[] = "heaptrail-audit-segment-v1";
static const char EVOLVE_LABEL[] = "heaptrail-audit-evolve";

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

/* The kernel's boot id; "" where it cannot be read. It does not change as long as we live. */
static const char *boot_id(void)
{
	static char id[37];
	int fd;

	if (id[0])
		return id;
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && io_read(fd, id, 36))
		id[0] = 0;
	io_close(&fd);
	return id;
}

static void put_time(struct line *line)
{
	struct timespec now, mono;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	gmtime_r(&now.tv_sec, &tm);
	put(line,
	    "\"t\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06ldZ\",\"mono\":%lld.%09ld,\"boot\":\"%s\"",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    now.tv_nsec / 1000, (long long)mono.tv_sec, mono.tv_nsec, boot_id());
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

static void put_handover(struct line *line, const struct audit_handover *handover)
{
	char signature[2 * sizeof(handover->signature) + 1];

	put(line, "%s", LINE_KEY);
	text_hex(signature, handover->public_key, sizeof(handover->public_key));
	put(line, "%s\",\"by\":\"%s\",\"sig\":\"", signature,
	    handover->is_by_host ? "host" : "segment");
	text_hex(signature, handover->signature, sizeof(handover->signature));
	put(line, "%s\",\"for\":\"%s\"}", signature, handover->wrapped);
}

/* The line up to its MAC. */
static void authenticate(const char *line, size_t size, const uint8_t key[static AUDIT_KEY_BYTES],
			 uint8_t mac[static crypto_auth_hmacsha256_BYTES])
{
	crypto_auth_hmacsha256(mac, (const uint8_t *)line, size, key);
}

size_t audit_record_format(const struct audit_record *record, const struct audit_position *position,
			   char text[static AUDIT_LINE_MAX])
{
	static const struct audit_subject NOBODY = { .auid = (uid_t)-1, .session = (uint32_t)-1 };
	struct audit_subject self = NOBODY;
	struct line line = { .text = text };
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	char hex[HEX_BYTES + 1];

	self.pid = getpid();
	self.uid = geteuid();
	self.gid = getegid();
	put(&line, "%s%" PRIu64 "%s%" PRIu64 ",", LINE_SEGMENT, position->segment, LINE_SEQUENCE,
	    position->sequence);
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
	if (record->asked) {
		put(&line, ",\"asked\":");
		put_string(&line, record->asked, 32);
	}
	if (record->rule) {
		put(&line, ",\"rule\":");
		put_string(&line, record->rule, 128);
	}
	if (record->handover)
		put_handover(&line, record->handover);
	put(&line, "%s%s", LINE_PREV,
	    text_hex(hex, position->previous, sizeof(position->previous)));
	/* the quotation mark that ends the hash is part of what the MAC covers */
	put(&line, "\"");
	authenticate(line.text, line.size, position->key, mac);
	put(&line, "%s%s%s\n", LINE_MAC + 1, text_hex(hex, mac, sizeof(mac)), LINE_END);
	return line.size;
}

static bool is_printable(const char *line, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			return false;
	return true;
}

/* The size of the line without its newline. */
static size_t bare(const char *line, size_t size)
{
	return size && line[size - 1] == '\n' ? size - 1 : size;
}

static bool is_hex(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	return true;
}

/* Decimal digits, no sign, no leading zero, then `after`. 0: it is not such a number. */
static uint64_t get_number(const char **at, const char *end, const char *after)
{
	const char *text = *at;
	uint64_t number = 0;

	if (text >= end || *text == '0')
		return 0;
	for (; text < end && *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
			return 0;
	if ((size_t)(end - text) < strlen(after) || memcmp(text, after, strlen(after)) != 0)
		return 0;
	*at = text + strlen(after);
	return number;
}

/* False: the line does not begin as a record does. */
static bool get_place(const char *line, size_t size, uint64_t *segment, uint64_t *sequence)
{
	const char *at = line + sizeof(LINE_SEGMENT) - 1, *end = line + size;

	if (size < sizeof(LINE_SEGMENT) ||
	    memcmp(line, LINE_SEGMENT, sizeof(LINE_SEGMENT) - 1) != 0)
		return false;
	*segment = get_number(&at, end, LINE_SEQUENCE);
	*sequence = *segment ? get_number(&at, end, ",") : 0;
	return *sequence != 0;
}

bool audit_record_is(const char *line, size_t size)
{
	uint64_t segment, sequence;

	size = bare(line, size);
	if (size + 1 >= AUDIT_LINE_MAX || size < TAIL_OFFSET || !is_printable(line, size) ||
	    !get_place(line, size, &segment, &sequence))
		return false;
	const char *prev = line + size - TAIL_OFFSET, *mac = line + size - MAC_OFFSET;
	return memcmp(prev, LINE_PREV, sizeof(LINE_PREV) - 1) == 0 &&
	       is_hex(prev + sizeof(LINE_PREV) - 1, HEX_BYTES) &&
	       memcmp(mac, LINE_MAC, sizeof(LINE_MAC) - 1) == 0 &&
	       is_hex(mac + sizeof(LINE_MAC) - 1, HEX_BYTES) &&
	       memcmp(line + size - (sizeof(LINE_END) - 1), LINE_END, sizeof(LINE_END) - 1) == 0;
}

uint64_t audit_record_segment(const char *line, size_t size)
{
	uint64_t segment = 0, sequence;

	return get_place(line, size, &segment, &sequence) ? segment : 0;
}

uint64_t audit_record_sequence(const char *line, size_t size)
{
	uint64_t segment, sequence = 0;

	return get_place(line, size, &segment, &sequence) ? sequence : 0;
}

bool audit_record_follows(const char *line, size_t size,
			  const uint8_t previous[static AUDIT_HASH_BYTES])
{
	char hex[HEX_BYTES + 1];
	const char *prev = line + bare(line, size) - TAIL_OFFSET + sizeof(LINE_PREV) - 1;

	return memcmp(prev, text_hex(hex, previous, AUDIT_HASH_BYTES), HEX_BYTES) == 0;
}

void audit_record_previous(const char *line, size_t size, uint8_t previous[static AUDIT_HASH_BYTES])
{
	const char *prev = line + bare(line, size) - TAIL_OFFSET + sizeof(LINE_PREV) - 1;

	sodium_hex2bin(previous, AUDIT_HASH_BYTES, prev, HEX_BYTES, NULL, NULL, NULL);
}

bool audit_record_is_sealed(const char *line, size_t size,
			    const uint8_t key[static AUDIT_KEY_BYTES])
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	char hex[HEX_BYTES + 1];
	const char *end = line + bare(line, size) - MAC_OFFSET +
			  1; /* the quotation mark is covered */

	authenticate(line, (size_t)(end - line), key, mac);
	text_hex(hex, mac, sizeof(mac));
	return sodium_memcmp(end + sizeof(LINE_MAC) - 2, hex, HEX_BYTES) == 0;
}

bool audit_record_has_operation(const char *line, size_t size, const char *operation)
{
	char field[64];
	int n = snprintf(field, sizeof(field), ",\"op\":\"%s\",", operation);

	/* in a string of the record the quotes would be escaped */
	return memmem(line, size, field, (size_t)n) != NULL;
}

void audit_key_evolve(uint8_t key[static AUDIT_KEY_BYTES])
{
	crypto_generichash_state state;

	crypto_generichash_init(&state, NULL, 0, AUDIT_KEY_BYTES);
	crypto_generichash_update(&state, (const uint8_t *)EVOLVE_LABEL, sizeof(EVOLVE_LABEL) - 1);
	crypto_generichash_update(&state, key, AUDIT_KEY_BYTES);
	crypto_generichash_final(&state, key, AUDIT_KEY_BYTES);
	sodium_memzero(&state, sizeof(state));
}

void audit_handover_message(const struct audit_position *position,
			    const uint8_t public_key[static 32],
			    uint8_t message[static AUDIT_HANDOVER_MESSAGE_BYTES])
{
	uint8_t *at = mempcpy(message, HANDOVER_LABEL, sizeof(HANDOVER_LABEL) - 1);

	at = bytes_store_u64(at, position->segment);
	at = bytes_store_u64(at, position->sequence);
	at = mempcpy(at, position->previous, AUDIT_HASH_BYTES);
	at = mempcpy(at, public_key, 32);
	static_assert(sizeof(HANDOVER_LABEL) - 1 + 16 + AUDIT_HASH_BYTES + 32 ==
			      AUDIT_HANDOVER_MESSAGE_BYTES,
		      "its parts make up the message");
}

/* Hex digits of exactly size bytes, then `after`. */
static bool get_hex(const char **at, uint8_t *out, size_t size, const char *after)
{
	size_t found = 0;

	if (!is_hex(*at, 2 * size) ||
	    sodium_hex2bin(out, size, *at, 2 * size, NULL, &found, NULL) || found != size ||
	    strncmp(*at + 2 * size, after, strlen(after)) != 0)
		return false;
	*at += 2 * size + strlen(after);
	return true;
}

int audit_record_handover(const char *line, size_t size, struct audit_handover *handover)
{
	char text[AUDIT_LINE_MAX];

	size = bare(line, size);
	if (size >= sizeof(text))
		return -EBADMSG;
	memcpy(text, line, size);
	text[size] = 0;
	const char *at = strstr(text, LINE_KEY);
	if (!at)
		return -EBADMSG;
	at += sizeof(LINE_KEY) - 1;
	if (!get_hex(&at, handover->public_key, sizeof(handover->public_key), "\",\"by\":\""))
		return -EBADMSG;
	handover->is_by_host = strncmp(at, "host\"", 5) == 0;
	if (!handover->is_by_host && strncmp(at, "segment\"", 8) != 0)
		return -EBADMSG;
	at = strchr(at, '"') + 1;
	if (strncmp(at, ",\"sig\":\"", 8) != 0)
		return -EBADMSG;
	at += 8;
	if (!get_hex(&at, handover->signature, sizeof(handover->signature), "\",\"for\":\""))
		return -EBADMSG;
	size_t length = strcspn(at, "\"");
	if (length >= sizeof(handover->wrapped) || strncmp(at + length, "\"}", 2) != 0)
		return -EBADMSG;
	memcpy(handover->wrapped, at, length);
	handover->wrapped[length] = 0;
	return 0;
}

bool audit_record_time(const char *line, size_t size, struct audit_time *time)
{
	static const char FIELD[] = ",\"t\":\"";
	char text[128] = "";
	const char *at = memmem(line, size, FIELD, sizeof(FIELD) - 1);
	struct tm tm = { 0 };
	long long mono_s;
	int wall_us, mono_ns;

	if (!at)
		return false;
	at += sizeof(FIELD) - 1;
	size_t left = (size_t)(line + size - at);
	memcpy(text, at, left < sizeof(text) ? left : sizeof(text) - 1);
	time->boot[0] = 0;
	if (sscanf(text,
		   "%4d-%2d-%2dT%2d:%2d:%2d.%6dZ\",\"mono\":%10lld.%9d,\"boot\":\"%36[0-9a-f-]\"",
		   &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec,
		   &wall_us, &mono_s, &mono_ns, time->boot) < 9)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	time->wall_us = (int64_t)timegm(&tm) * 1000000 + wall_us;
	time->mono_us = mono_s * 1000000 + mono_ns / 1000;
	return true;
}
