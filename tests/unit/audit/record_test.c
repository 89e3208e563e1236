// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/record.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char line[AUDIT_LINE_MAX];

static const struct audit_position POSITION = {
	.segment = 3, .sequence = 17, .previous = { 0xab, 1, 2 }, .key = { 7 }
};

/* The record as JSON, without its newline, which must be the only one. */
static json_t *format(const struct audit_record *record)
{
	size_t size = audit_record_format(record, &POSITION, line);
	json_t *json = json_loadb(line, size - 1, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
				  NULL);

	assert_true(size < AUDIT_LINE_MAX);
	assert_int_equal(line[size - 1], '\n');
	for (size_t i = 0; i < size - 1; i++)
		assert_in_range(line[i], 0x20, 0x7e);
	assert_non_null(json);
	return json;
}

static struct audit_subject somebody(void)
{
	return (struct audit_subject) { .pid = 7,
					.uid = 1000,
					.gid = 100,
					.auid = 1000,
					.session = 3,
					.exe = "/usr/bin/heaptrail",
					.cgroup = "/user.slice" };
}

static void fields_come_in_the_documented_order(void **state)
{
	static const char *const NAMES[] = { "v",     "seg",  "seq",  "t",   "mono", "boot",
					     "op",    "res",  "subj", "obj", "ms",   "why",
					     "asked", "rule", "prev", "mac" };
	struct audit_subject subject = somebody();
	struct audit_object object = { .size = 5, .state = "complete" };
	json_t *json = format(&(struct audit_record) { .operation = "open.close",
						       .result = "ok",
						       .subject = &subject,
						       .object = &object,
						       .why = "a reason",
						       .asked = "view",
						       .rule = "allow",
						       .numbers = { "ms" },
						       .values = { 12 } });
	const char *name;
	json_t *value;
	size_t i = 0;

	(void)state;
	json_object_foreach(json, name, value) assert_string_equal(name, NAMES[i++]);
	assert_int_equal(i, sizeof(NAMES) / sizeof(NAMES[0]));
	assert_int_equal((int)json_number_value(json_object_get(json, "seq")), 17);
	assert_int_equal((int)json_number_value(json_object_get(json, "ms")), 12);
	json_decref(json);
}

static void a_hostile_string_stays_one_string(void **state)
{
	struct audit_subject subject = somebody();
	json_t *json;

	(void)state;
	strcpy(subject.exe, "/tmp/x\",\"op\":\"open.grant\"}\n{\\\x1b[2J\xe2\x80\xae");
	json = format(&(struct audit_record) { .operation = "open.deny",
					       .result = "denied",
					       .subject = &subject,
					       .why = "\r\n\t\x7f" });
	assert_string_equal(json_string_value(json_object_get(json, "op")), "open.deny");
	/* byte by byte, as Latin-1: what is read back is what was there */
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "subj"), "exe")),
		"/tmp/x\",\"op\":\"open.grant\"}\n{\\\x1b[2J\xc3\xa2\xc2\x80\xc2\xae");
	assert_string_equal(json_string_value(json_object_get(json, "why")), "\r\n\t\x7f");
	json_decref(json);
}

static void the_longest_strings_fit_and_are_marked_as_cut(void **state)
{
	static char why[5000];
	struct audit_subject subject = somebody();
	struct audit_object object = {
		.device = UINT64_MAX, .inode = UINT64_MAX, .size = UINT64_MAX, .state = why
	};
	struct audit_record record = { .operation = "open.close",
				       .result = "failed",
				       .subject = &subject,
				       .object = &object,
				       .why = why,
				       .rule = why,
				       .numbers = { "chunks", "events", "bytes", "ms" },
				       .values = { UINT64_MAX, UINT64_MAX, UINT64_MAX,
						   UINT64_MAX } };

	(void)state;
	for (int fill = 1; fill < 256; fill += 31) {
		memset(why, fill, sizeof(why) - 1);
		memset(subject.exe, fill, sizeof(subject.exe) - 1);
		memset(subject.cgroup, fill, sizeof(subject.cgroup) - 1);
		json_t *json = format(&record);
		const char *exe = json_string_value(
			json_object_get(json_object_get(json, "subj"), "exe"));
		assert_string_equal(exe + strlen(exe) - 3, "\xe2\x80\xa6");
		json_decref(json);
	}
}

static void a_string_that_just_fits_is_not_cut(void **state)
{
	char why[1024 + 1];

	(void)state;
	for (size_t length = 1000; length < sizeof(why); length++) {
		memset(why, 'w', length);
		why[length] = 0;
		json_t *json = format(&(struct audit_record) {
			.operation = "open.grant", .result = "ok", .why = why });
		const char *found = json_string_value(json_object_get(json, "why"));
		assert_true(strcmp(found, why) == 0 || strstr(found, "\xe2\x80\xa6"));
		/* two quotes and room for the mark */
		assert_int_equal(strcmp(found, why) == 0, length <= 1024 - 8);
		json_decref(json);
	}
}

static void the_vault_itself_is_the_subject_where_none_is_given(void **state)
{
	json_t *json = format(&(struct audit_record) { .operation = "log.torn", .result = "ok" });
	const json_t *subject = json_object_get(json, "subj");

	(void)state;
	assert_int_equal((int)json_number_value(json_object_get(subject, "pid")), getpid());
	assert_int_equal((int)json_number_value(json_object_get(subject, "auid")), -1);
	assert_null(json_object_get(json, "obj"));
	assert_null(json_object_get(json, "why"));
	json_decref(json);
}

static void a_record_is_known_with_and_without_its_newline(void **state)
{
	size_t size = audit_record_format(
		&(struct audit_record) { .operation = "log.torn", .result = "ok" }, &POSITION,
		line);

	(void)state;
	assert_true(audit_record_is(line, size));
	assert_true(audit_record_is(line, size - 1));
	assert_int_equal(audit_record_sequence(line, size), POSITION.sequence);
}

static void no_part_of_a_record_is_one(void **state)
{
	struct audit_record record = { .operation = "open.grant",
				       .result = "ok",
				       .why = "\",\"prev\":\"" };
	size_t size = audit_record_format(&record, &POSITION, line) - 1;
	char copy[AUDIT_LINE_MAX];

	(void)state;
	for (size_t cut = 0; cut < size; cut++) {
		assert_false(audit_record_is(line, cut));
		assert_false(audit_record_is(line + size - cut, cut));
	}
	for (size_t i = 0; i < size; i++) {
		memcpy(copy, line, size);
		copy[i] = 1;
		assert_false(audit_record_is(copy, size));
	}
	/* a hash is written in one way only */
	memcpy(copy, line, size);
	copy[size - 2 - 2 * AUDIT_HASH_BYTES] = 'A';
	assert_false(audit_record_is(copy, size));
	memset(copy, 0, sizeof(copy));
	assert_false(audit_record_is(copy, sizeof(copy)));
}

/* The number in a record that has this text for it. */
static uint64_t sequence(const char *number)
{
	char text[256];
	int size = snprintf(
		text, sizeof(text),
		"{\"v\":1,\"seg\":1,\"seq\":%s,\"t\":0,\"prev\":\"%064d\",\"mac\":\"%064d\"}",
		number, 0, 0);

	assert_int_equal(audit_record_is(text, (size_t)size),
			 audit_record_sequence(text, (size_t)size) != 0);
	return audit_record_sequence(text, (size_t)size);
}

static void a_number_is_written_in_one_way_only(void **state)
{
	static const char *const WRONG[] = {
		"18446744073709551616", "0", "01", "-1", "+1", " 1", "1e1", "", "1 "
	};

	(void)state;
	assert_true(sequence("1") == 1);
	assert_true(sequence("18446744073709551615") == UINT64_MAX);
	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++)
		assert_true(sequence(WRONG[i]) == 0);
}

static void a_record_is_sealed_with_its_key_only(void **state)
{
	uint8_t key[AUDIT_KEY_BYTES], hash[AUDIT_HASH_BYTES];
	size_t size = audit_record_format(
		&(struct audit_record) { .operation = "log.torn", .result = "ok" }, &POSITION,
		line);

	(void)state;
	memcpy(key, POSITION.key, sizeof(key));
	assert_true(audit_record_is_sealed(line, size, key));
	assert_true(audit_record_is_sealed(line, size - 1, key));
	assert_true(audit_record_follows(line, size, POSITION.previous));
	audit_record_previous(line, size, hash);
	assert_memory_equal(hash, POSITION.previous, sizeof(hash));
	audit_key_evolve(key);
	assert_false(audit_record_is_sealed(line, size, key));
	/* what the MAC does not cover, its own field, is written in one way only */
	for (size_t i = 0; i < size - 1; i++) {
		line[i] ^= 1;
		assert_false(audit_record_is(line, size) &&
			     audit_record_is_sealed(line, size, POSITION.key));
		line[i] ^= 1;
	}
}

static void a_handover_is_read_as_it_was_written(void **state)
{
	struct audit_handover given = { .is_by_host = true }, found;

	(void)state;
	memset(given.public_key, 0xa1, sizeof(given.public_key));
	memset(given.signature, 0x5c, sizeof(given.signature));
	memset(given.wrapped, 'w', sizeof(given.wrapped) - 1);
	struct audit_record record = { .operation = "log.start",
				       .result = "ok",
				       .why = "\",\"key\":{\"pk\":\"",
				       .handover = &given };
	json_decref(format(&record));
	assert_int_equal(audit_record_handover(line, strlen(line), &found), 0);
	assert_memory_equal(&found, &given, sizeof(found));
	given.is_by_host = false;
	given.wrapped[0] = 0;
	size_t size = audit_record_format(&record, &POSITION, line);
	assert_int_equal(audit_record_handover(line, size, &found), 0);
	assert_false(found.is_by_host);
	assert_string_equal(found.wrapped, "");
	for (size_t cut = 0; cut < size - 200; cut++)
		(void)audit_record_handover(line, cut, &found);
	record.handover = NULL;
	size = audit_record_format(&record, &POSITION, line);
	assert_int_equal(audit_record_handover(line, size, &found), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_in_the_documented_order),
		cmocka_unit_test(a_hostile_string_stays_one_string),
		cmocka_unit_test(the_longest_strings_fit_and_are_marked_as_cut),
		cmocka_unit_test(a_string_that_just_fits_is_not_cut),
		cmocka_unit_test(the_vault_itself_is_the_subject_where_none_is_given),
		cmocka_unit_test(a_record_is_known_with_and_without_its_newline),
		cmocka_unit_test(no_part_of_a_record_is_one),
		cmocka_unit_test(a_number_is_written_in_one_way_only),
		cmocka_unit_test(a_record_is_sealed_with_its_key_only),
		cmocka_unit_test(a_handover_is_read_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
