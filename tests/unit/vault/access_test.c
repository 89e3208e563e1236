// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define OWNER 900

static struct access_decision decide(uid_t uid, const char *operation)
{
	struct audit_subject asker = { .uid = uid };
	struct access_decision decision;

	access_decide(&asker, OWNER, operation, &decision);
	return decision;
}

static void root_and_the_owner_may_open(void **state)
{
	struct access_decision decision = decide(0, "view");

	(void)state;
	assert_true(decision.is_allowed);
	assert_string_equal(decision.rule, "allow op=view uid=0");
	decision = decide(OWNER, "export");
	assert_true(decision.is_allowed);
	assert_string_equal(decision.rule, "allow op=export uid=owner");
}

static void everybody_else_is_denied_and_told_why(void **state)
{
	struct access_decision decision = decide(1000, "view");

	(void)state;
	assert_false(decision.is_allowed);
	assert_string_equal(decision.rule, "deny op=view uid=other");
	assert_non_null(decision.why);
	assert_false(decide((uid_t)-1, "view").is_allowed);
}

static void an_unknown_operation_is_denied_to_anybody(void **state)
{
	static const char *const NAMES[] = { "", "View", "view ", "viewer", "rm", "view\" uid=0" };

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		struct access_decision decision = decide(0, NAMES[i]);
		assert_false(decision.is_allowed);
		assert_string_equal(decision.rule, "deny op=unknown uid=0");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_and_the_owner_may_open),
		cmocka_unit_test(everybody_else_is_denied_and_told_why),
		cmocka_unit_test(an_unknown_operation_is_denied_to_anybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
