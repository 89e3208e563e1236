// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cgroup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *text, *path;
} CASES[] = {
	/* unified alone; and the root of all */
	{ "0::/system.slice/redis.service\n", "/system.slice/redis.service" },
	{ "0::/\n", "/" },
	{ "9:name=systemd:/\n1:cpu:/\n0::/\n", "/" },
	/* hybrid: the unified one where it says something */
	{ "5:memory:/a/b/c\n1:name=systemd:/user.slice\n0::/user.slice\n", "/user.slice" },
	{ "5:memory:/docker/4f\n4:pids:/docker/4f\n1:name=systemd:/\n0::/\n", "/docker/4f" },
	{ "5:cpu,cpuacct:/a\n4:pids:/b/c\n3:memory:/d/e\n", "/b/c" },
	{ "4:pids:/with:colons:/in it\n", "/with:colons:/in it" },
	{ "0::/../../outside (deleted)\n", "/../../outside (deleted)" },
	/* nothing, or nothing that is known */
	{ "", "" },
	{ "\n\n", "" },
	{ "4:pids\n:", "" },
	{ "4:pids:relative\n", "" },
	{ "0::/no newline", "/no newline" },
};

static void the_path_that_says_most_is_chosen(void **state)
{
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		cgroup_choose(CASES[i].text, path, sizeof(path));
		assert_string_equal(path, CASES[i].path);
	}
}

static void what_is_too_long_is_cut(void **state)
{
	char path[6];

	(void)state;
	cgroup_choose("0::/abcdefgh\n", path, sizeof(path));
	assert_string_equal(path, "/abcd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_that_says_most_is_chosen),
		cmocka_unit_test(what_is_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
