// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/user_function.h"

#include "base/functions.h"
#include "bpf/settings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct user_function user;
static const char *why;

static void parse(const char *text, bool is_free)
{
	assert_int_equal(user_function_parse(text, is_free, &user, &why), 0);
	assert_null(why);
}

static void assert_call(int kind, int size, int count, int alignment, int pointer)
{
	assert_int_equal(user.kind, kind);
	assert_int_equal(user.size, size);
	assert_int_equal(user.count, count);
	assert_int_equal(user.alignment, alignment);
	assert_int_equal(user.pointer, pointer);
}

static void a_name_alone_is_like_malloc_or_free(void **state)
{
	(void)state;
	parse("xmalloc", false);
	assert_string_equal(user.symbol, "xmalloc");
	assert_string_equal(user.module, "");
	assert_call(CALL_ALLOC, 0, -1, -1, -1);
	parse("xfree", true);
	assert_call(CALL_FREE, -1, -1, -1, 0);
}

static void roles_make_the_kind(void **state)
{
	(void)state;
	parse("f:size=arg2,result=ret", false);
	assert_call(CALL_ALLOC, 1, -1, -1, -1);
	parse("f:count=arg1,size=arg2", false);
	assert_call(CALL_ALLOC_PRODUCT, 1, 0, -1, -1);
	parse("f:result=arg1,align=arg2,size=arg3", false);
	assert_call(CALL_ALLOC_OUT, 2, -1, 1, 0);
	parse("f:old=arg1,size=arg6", false);
	assert_call(CALL_REALLOC, 5, -1, -1, 0);
	parse("f:old=arg1,size=arg2,count=arg3", false);
	assert_call(CALL_REALLOC_PRODUCT, 1, 2, -1, 0);
	parse("f:ptr=arg3", true);
	assert_call(CALL_FREE, -1, -1, -1, 2);
}

static void a_file_is_a_path_or_its_last_part(void **state)
{
	(void)state;
	parse("libpool.so.1:pool_get:size=arg2", false);
	assert_string_equal(user.module, "libpool.so.1");
	assert_string_equal(user.symbol, "pool_get");
	assert_true(user_function_concerns(&user, "/usr/lib/libpool.so.1"));
	assert_false(user_function_concerns(&user, "/usr/lib/other-libpool.so.1"));
	parse("/usr/lib/libpool.so.1:pool_get", false);
	assert_true(user_function_concerns(&user, "/usr/lib/libpool.so.1"));
	assert_false(user_function_concerns(&user, "/opt/usr/lib/libpool.so.1"));
	parse("pool_get", false);
	assert_true(user_function_concerns(&user, ""));
}

static void an_offset_is_one_in_a_file(void **state)
{
	(void)state;
	parse("/opt/a:b/app+0x1a2B:size=arg1", false);
	assert_int_equal(user.has_offset, 1);
	assert_int_equal(user.offset, 0x1a2b);
	assert_string_equal(user.module, "/opt/a:b/app");
	assert_string_equal(user.symbol, "app+0x1a2B");
	parse("libstdc++.so.6:xmalloc", false);
	assert_int_equal(user.has_offset, 0);
	assert_string_equal(user.module, "libstdc++.so.6");
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const struct {
		const char *text;
		bool is_free;
	} CASES[] = {
		{ "", false },
		{ ":size=arg1", false },
		{ ":pool_get", false },
		{ "f:size=arg0", false },
		{ "f:size=arg7", false },
		{ "f:size=arg11", false },
		{ "f:size=ret", false },
		{ "f:size=", false },
		{ "f:size=arg1,", false },
		{ "f:size=arg1,size=arg2", false },
		{ "f:ptr=arg1", false },
		{ "f:size=arg1", true },
		{ "f:ptr=ret", true },
		{ "f:result=arg1,count=arg2", false },
		{ "f:result=arg1,old=arg2", false },
		{ "+0x10", false },
		{ "app+0x", false },
		{ "app+0x12z", false },
		{ "app+0x11111111111111111", false },
	};
	static char long_name[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		if (user_function_parse(CASES[i].text, CASES[i].is_free, &user, &why) != -EINVAL)
			fail_msg("'%s' was taken", CASES[i].text);
		assert_non_null(why);
	}
	for (size_t length = 256; length < sizeof(long_name); length *= 2) {
		memset(long_name, 'x', length);
		assert_int_equal(user_function_parse(long_name, false, &user, &why), -EINVAL);
	}
}

static void rows_of_others_are_checked(void **state)
{
	(void)state;
	parse("pool_get:size=arg2", false);
	struct user_function wrong = user;
	wrong.kind = CALL_FREE + 1;
	assert_int_equal(functions_add(&wrong), -EBADMSG);
	wrong = user;
	wrong.size = 6;
	assert_int_equal(functions_add(&wrong), -EBADMSG);
	wrong = user;
	wrong.pointer = -2;
	assert_int_equal(functions_add(&wrong), -EBADMSG);
	wrong = user;
	memset(wrong.symbol, 'x', sizeof(wrong.symbol));
	assert_int_equal(functions_add(&wrong), -EBADMSG);
	assert_int_equal(functions_count(), FUNCTION_COUNT);
	for (size_t i = 0; i < USER_FUNCTIONS_MAX; i++)
		assert_int_equal(functions_add(&user), 0);
	assert_int_equal(functions_add(&user), -ENOSPC);
	assert_int_equal(functions_row(FUNCTION_COUNT)->size, 1);
	assert_string_equal(functions_row(FUNCTION_COUNT)->symbol, "pool_get");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_alone_is_like_malloc_or_free),
		cmocka_unit_test(roles_make_the_kind),
		cmocka_unit_test(a_file_is_a_path_or_its_last_part),
		cmocka_unit_test(an_offset_is_one_in_a_file),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(rows_of_others_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
