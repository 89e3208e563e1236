// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *safe(const char *text)
{
	static char out[200];

	return text_safe(out, sizeof(out), text, strlen(text));
}

static void plain_text_stays(void **state)
{
	static const char *const TEXTS[] = { "",
					     "a b/c.so (deleted)",
					     "h\xc3\xa9",
					     "\xe6\x97\xa5",
					     "\xf0\x9f\x98\x80",
					     "\xf4\x8f\xbf\xbf" };

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
		assert_string_equal(safe(TEXTS[i]), TEXTS[i]);
}

static void what_moves_a_terminal_is_escaped(void **state)
{
	(void)state;
	assert_string_equal(safe("\x1b[2J"), "\\x1b[2J");
	assert_string_equal(safe("a\nb\tc\r"), "a\\x0ab\\x09c\\x0d");
	assert_string_equal(safe("\x7f"), "\\x7f");
	assert_string_equal(safe("\xc2\x9b"), "\\xc2\\x9b"); /* CSI in one character */
}

static void what_is_not_utf8_is_escaped(void **state)
{
	(void)state;
	assert_string_equal(safe("\xff"), "\\xff");
	assert_string_equal(safe("a\xc3"), "a\\xc3");			       /* cut */
	assert_string_equal(safe("\xc0\xaf"), "\\xc0\\xaf");		       /* overlong */
	assert_string_equal(safe("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");	       /* overlong */
	assert_string_equal(safe("\xed\xa0\x80"), "\\xed\\xa0\\x80");	       /* surrogate */
	assert_string_equal(safe("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); /* too large */
}

static void what_reorders_or_hides_text_is_escaped(void **state)
{
	static const char *const TEXTS[] = {
		"\xe2\x80\xae",	    /* right-to-left override */
		"\xe2\x80\x8b",	    /* zero-width space */
		"\xe2\x81\xa6",	    /* isolate */
		"\xef\xbb\xbf",	    /* byte order mark */
		"\xd8\x9c",	    /* Arabic letter mark */
		"\xc2\xad",	    /* soft hyphen */
		"\xe1\xa0\x8e",	    /* Mongolian vowel separator */
		"\xf3\xa0\x81\x81", /* a tag character */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		assert_int_equal(strncmp(safe(TEXTS[i]), "\\x", 2), 0);
		assert_int_equal(strlen(safe(TEXTS[i])), 4 * strlen(TEXTS[i]));
	}
}

static void it_is_cut_between_characters(void **state)
{
	static const char TEXT[] = "a\xe6\x97\xa5\x1b\xc3\xa9z";
	char *out;

	(void)state;
	for (size_t size = 1; size < 20; size++) {
		out = malloc(size);
		text_safe(out, size, TEXT, sizeof(TEXT) - 1);
		size_t length = strlen(out);
		assert_true(length < size);
		assert_true(length == 0 || length == 1 || length == 4 || length == 8 ||
			    length == 10 || length == 11);
		free(out);
	}
}

static void any_bytes_are_made_safe(void **state)
{
	uint64_t seed = 1;
	char in[64], out[300], again[300];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof(in); k++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			in[k] = (char)(seed >> 56);
		}
		text_safe(out, sizeof(out), in, sizeof(in));
		for (char *p = out; *p; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
		assert_string_equal(text_safe(again, sizeof(again), out, strlen(out)), out);
	}
}

static void hex_is_lower_case(void **state)
{
	char out[9];

	(void)state;
	assert_string_equal(text_hex(out, "\x00\x1f\xab\xff", 4), "001fabff");
	assert_string_equal(text_hex(out, "", 0), "");
}

static void copies_are_cut_and_end(void **state)
{
	char out[4] = "???";

	(void)state;
	text_copy(out, sizeof(out), "abcdef");
	assert_string_equal(out, "abc");
	text_copy(out, sizeof(out), "");
	assert_string_equal(out, "");
	text_copy(out, 1, "abc");
	assert_string_equal(out, "");
}

static const char *fit(const char *text, int columns)
{
	static char out[4097];

	return text_fit(out, sizeof(out), text, strlen(text), columns);
}

static void what_is_too_long_lacks_its_middle_and_stays_distinct(void **state)
{
	static char long_one[1 << 20], long_two[1 << 20];
	char first[4097];

	(void)state;
	assert_string_equal(fit("sixteen columns.", 16), "sixteen columns.");
	assert_int_equal(text_columns(fit("seventeen columns", 16)), 16);
	assert_memory_equal(fit("seventeen columns", 16), "sevente\u2026", 10);
	/* nothing is narrower */
	assert_string_equal(fit("sixteen columns.", 3), "sixteen columns.");
	memset(long_one, 'x', sizeof(long_one) - 1);
	memset(long_two, 'x', sizeof(long_two) - 1);
	long_two[5000] = 'y';
	for (int columns = 16; columns <= 1000; columns += 41) {
		strcpy(first, fit(long_one, columns));
		assert_int_equal(text_columns(first), columns);
		assert_string_not_equal(first, fit(long_two, columns));
	}
}

static void wide_and_escaped_characters_take_their_columns(void **state)
{
	(void)state;
	assert_int_equal(text_columns("\u8fdb\u7a0b"), 4);
	assert_int_equal(text_columns("e\u0301"), 1);
	assert_string_equal(fit("\u202eabc\x1b", 40), "\\xe2\\x80\\xaeabc\\x1b");
	for (int columns = 16; columns < 60; columns++) {
		const char *text = fit(
			"\u8fdb\u7a0b\u8fdb\x01\x02\u8fdb\u7a0b\u8fdb\u7a0b\u8fdb\u7a0b"
			"\u8fdb\u7a0b\u8fdb\u7a0b\u8fdb\u7a0b\u8fdb\u7a0b\u8fdb",
			columns);
		/* a wide one may not fit into the last column of either part */
		assert_in_range(text_columns(text), 10, columns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_stays),
		cmocka_unit_test(what_moves_a_terminal_is_escaped),
		cmocka_unit_test(what_is_not_utf8_is_escaped),
		cmocka_unit_test(what_reorders_or_hides_text_is_escaped),
		cmocka_unit_test(it_is_cut_between_characters),
		cmocka_unit_test(any_bytes_are_made_safe),
		cmocka_unit_test(hex_is_lower_case),
		cmocka_unit_test(copies_are_cut_and_end),
		cmocka_unit_test(what_is_too_long_lacks_its_middle_and_stays_distinct),
		cmocka_unit_test(wide_and_escaped_characters_take_their_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
