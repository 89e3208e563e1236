// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Entry i has i % 4 names (none, too), some shared with others. */
static void make(struct bytes_buffer *out, size_t entry_count)
{
	struct names_writer *writer = names_writer_new();
	char text[4][32];

	assert_non_null(writer);
	for (size_t i = 0; i < entry_count; i++) {
		struct name names[4];
		for (size_t k = 0; k < i % 4; k++) {
			snprintf(text[k], sizeof(text[k]), "function %zu", (i + k) % 50);
			names[k] = (struct name) { .function = text[k],
						   .file = k ? "a/b.c" : "",
						   .line = (uint32_t)(i * 1000003) };
		}
		assert_true(names_writer_add(writer, i * i * 3, names, i % 4));
	}
	assert_true(names_writer_finish(writer, out));
	names_writer_free(writer);
}

static void names_are_found_by_offset(void **state)
{
	struct name found[NAMES_INLINE_MAX];
	struct bytes_buffer out = { 0 };
	struct names *names;
	char text[32];

	(void)state;
	make(&out, 1000);
	assert_int_equal(names_load(out.data, out.size, &names), 0);
	bytes_free(&out); /* what was loaded does not need it */
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(names_find(names, i * i * 3, found), i % 4);
		for (size_t k = 0; k < i % 4; k++) {
			snprintf(text, sizeof(text), "function %zu", (i + k) % 50);
			assert_string_equal(found[k].function, text);
			assert_string_equal(found[k].file, k ? "a/b.c" : "");
			assert_int_equal(found[k].line, (uint32_t)(i * 1000003));
		}
		assert_int_equal(names_find(names, i * i * 3 + 1, found), 0);
	}
	assert_int_equal(names_find(names, UINT64_MAX, found), 0);
	names_free(names);
}

static void no_names_are_names(void **state)
{
	struct name found[NAMES_INLINE_MAX];
	struct bytes_buffer out = { 0 };
	struct names *names;

	(void)state;
	make(&out, 0);
	assert_int_equal(names_load(out.data, out.size, &names), 0);
	assert_int_equal(names_find(names, 0, found), 0);
	names_free(names);
	bytes_free(&out);
}

static void most_inlined_calls_come_back(void **state)
{
	struct name list[NAMES_INLINE_MAX], found[NAMES_INLINE_MAX];
	struct names_writer *writer = names_writer_new();
	struct bytes_buffer out = { 0 };
	struct names *names;

	(void)state;
	for (size_t i = 0; i < NAMES_INLINE_MAX; i++)
		list[i] = (struct name) { .function = NULL, .file = "f", .line = UINT32_MAX };
	assert_true(names_writer_add(writer, UINT64_MAX, list, NAMES_INLINE_MAX));
	assert_true(names_writer_finish(writer, &out));
	names_writer_free(writer);
	assert_int_equal(names_load(out.data, out.size, &names), 0);
	assert_int_equal(names_find(names, UINT64_MAX, found), NAMES_INLINE_MAX);
	assert_string_equal(found[NAMES_INLINE_MAX - 1].function, "");
	assert_int_equal(found[NAMES_INLINE_MAX - 1].line, UINT32_MAX);
	names_free(names);
	bytes_free(&out);
}

static void a_string_is_written_once(void **state)
{
	struct names_writer *writer = names_writer_new();
	struct bytes_buffer out = { 0 };
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	for (uint64_t i = 0; i < 100; i++)
		names_writer_add(writer, i, &(struct name) { text, text, 1 }, 1);
	assert_true(names_writer_finish(writer, &out));
	assert_true(out.size < 2000);
	names_writer_free(writer);
	bytes_free(&out);
}

static void a_very_long_name_is_cut(void **state)
{
	struct name found[NAMES_INLINE_MAX];
	struct names_writer *writer = names_writer_new();
	struct bytes_buffer out = { 0 };
	struct names *names;
	size_t size = 1 << 20;
	char *text = malloc(size);

	(void)state;
	memset(text, 'x', size - 1);
	text[size - 1] = 0;
	assert_true(names_writer_add(writer, 1, &(struct name) { text, "", 1 }, 1));
	assert_true(names_writer_finish(writer, &out));
	assert_int_equal(names_load(out.data, out.size, &names), 0);
	assert_int_equal(names_find(names, 1, found), 1);
	assert_int_equal(strlen(found[0].function), 65536);
	names_free(names);
	names_writer_free(writer);
	bytes_free(&out);
	free(text);
}

/* Loads, and looks up every offset there can be. */
static int load_exact(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	struct name found[NAMES_INLINE_MAX];
	struct names *names = NULL;

	memcpy(exact, data, size);
	int err = names_load(exact, size, &names);
	free(exact);
	if (err) {
		assert_int_equal(err, -EBADMSG);
		return err;
	}
	for (uint64_t offset = 0; offset < 400; offset++) {
		size_t count = names_find(names, offset, found);
		assert_true(count <= NAMES_INLINE_MAX);
		for (size_t i = 0; i < count; i++)
			assert_true(strlen(found[i].function) + strlen(found[i].file) < 1 << 18);
	}
	names_free(names);
	return 0;
}

static void every_cut_is_refused(void **state)
{
	struct bytes_buffer out = { 0 };

	(void)state;
	make(&out, 20);
	for (size_t size = 0; size < out.size; size++)
		assert_int_equal(load_exact(out.data, size), -EBADMSG);
	bytes_put(&out, "", 1);
	assert_int_equal(load_exact(out.data, out.size), -EBADMSG);
	bytes_free(&out);
}

static void changed_bytes_are_survived(void **state)
{
	struct bytes_buffer out = { 0 };

	(void)state;
	make(&out, 12);
	for (size_t i = 0; i < out.size; i++) {
		uint8_t was = out.data[i];
		for (int value = 0; value < 256; value++) {
			out.data[i] = (uint8_t)value;
			load_exact(out.data, out.size);
		}
		out.data[i] = was;
	}
	bytes_free(&out);
}

struct numbers {
	uint64_t values[12];
	size_t count;
};

static void malformed_payloads_are_refused(void **state)
{
	static const struct numbers PAYLOADS[] = {
		{ { UINT64_MAX, 0 }, 2 },		     /* strings without end */
		{ { 0, UINT64_MAX, 0, 0 }, 4 },		     /* entries without end */
		{ { 0, 1, 5, 1, 1, 0, 0 }, 7 },		     /* a string that is not there */
		{ { 0, 1, 5, 1, 0, 0, 1ULL << 32 }, 7 },     /* a line beyond 32 bits */
		{ { 0, 1, 5, NAMES_INLINE_MAX + 1, 0 }, 5 }, /* too many names */
		{ { 0, 2, 5, 0, 0, 0 }, 6 },		     /* one offset twice */
		{ { 0, 2, 5, 0, UINT64_MAX, 0 }, 6 },	     /* an offset that wraps */
		{ { 0, 0, 0 }, 3 },			     /* something behind */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(PAYLOADS) / sizeof(PAYLOADS[0]); i++) {
		struct bytes_buffer out = { 0 };
		for (size_t k = 0; k < PAYLOADS[i].count; k++)
			bytes_put_varint(&out, PAYLOADS[i].values[k]);
		assert_int_equal(load_exact(out.data, out.size), -EBADMSG);
		bytes_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_by_offset),
		cmocka_unit_test(no_names_are_names),
		cmocka_unit_test(most_inlined_calls_come_back),
		cmocka_unit_test(a_string_is_written_once),
		cmocka_unit_test(a_very_long_name_is_cut),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(changed_bytes_are_survived),
		cmocka_unit_test(malformed_payloads_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
