// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/access.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define OWNER 900

static char path[] = "/tmp/heaptrail-access-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static int load(const char *text, struct access_rules **rules, char mistake[static 160])
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return access_load(path, rules, mistake);
}

/* Those of the text, which has no mistake. */
static struct access_rules *rules_of(const char *text)
{
	struct access_rules *rules;
	char mistake[160];

	assert_int_equal(load(text, &rules, mistake), 0);
	return rules;
}

static struct access_decision decide(const struct access_rules *rules,
				     struct access_request request, uid_t uid, gid_t gid)
{
	struct audit_subject asker = { .uid = uid, .gid = gid };
	struct access_decision decision;

	request.asker = &asker;
	request.owner = OWNER;
	access_decide(rules, &request, &decision);
	assert_int_equal(decision.is_allowed, decision.why == NULL);
	assert_true(decision.rule[0]);
	return decision;
}

static bool may(const struct access_rules *rules, const char *operation, uid_t uid)
{
	return decide(rules, (struct access_request) { .operation = operation }, uid, 50)
		.is_allowed;
}

static void by_default_root_and_the_owner_may_and_nobody_else(void **state)
{
	static const char *const NAMES[] = { "view", "export", "record" };
	struct access_rules *rules = access_default();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(may(rules, NAMES[i], 0));
		assert_true(may(rules, NAMES[i], OWNER));
		assert_false(may(rules, NAMES[i], 1000));
		assert_false(may(rules, NAMES[i], (uid_t)-1));
	}
	assert_non_null(strstr(
		decide(rules, (struct access_request) { .operation = "view" }, OWNER, 0).rule,
		"allow op=any uid=owner"));
	access_free(rules);
}

static void an_unknown_operation_is_denied_to_anybody(void **state)
{
	static const char *const NAMES[] = { "",   "View",	   "view ", "viewer",
					     "rm", "view\" uid=0", "any" };
	struct access_rules *rules = rules_of("allow op=any uid=any");

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		struct access_decision decision = decide(
			rules, (struct access_request) { .operation = NAMES[i] }, 0, 0);
		assert_false(decision.is_allowed);
		assert_string_equal(decision.rule, "deny op=unknown uid=0: no rule allows it");
	}
	access_free(rules);
}

static void whose_processes_are_recorded_is_said_by_the_rule(void **state)
{
	struct access_rules *rules = rules_of("allow op=record uid=1 target=any\n"
					      "allow op=record uid=2 target=own\n"
					      "allow op=record uid=3\n"
					      "allow op=front uid=4");
	struct access_request request = { .operation = "record" };

	(void)state;
	assert_true(decide(rules, request, 1, 50).has_others);
	assert_false(decide(rules, request, 2, 50).has_others);
	assert_true(decide(rules, request, 3, 50).is_allowed);
	assert_false(decide(rules, request, 3, 50).has_others);
	/* who asks for others may not record by that */
	assert_true(may(rules, "front", 4));
	assert_false(may(rules, "record", 4));
	assert_false(may(rules, "front", 1));
	access_free(rules);
}

static void the_first_rule_that_matches_decides(void **state)
{
	struct access_rules *rules = rules_of("# people\n\n"
					      "deny  op=any uid=1001 # left the team\n"
					      "allow op=view,export uid=1000|1001\n"
					      "\tallow op=view gid=77\r\n"
					      "allow op=record uid=0 gid=50");

	(void)state;
	assert_true(may(rules, "view", 1000));
	assert_true(may(rules, "export", 1000));
	assert_false(may(rules, "record", 1000));
	assert_false(may(rules, "view", 1001));
	assert_false(may(rules, "view", 0));
	assert_true(may(rules, "record", 0)); /* in group 50 */
	assert_false(
		decide(rules, (struct access_request) { .operation = "record" }, 0, 51).is_allowed);
	assert_string_equal(
		decide(rules, (struct access_request) { .operation = "view" }, 1000, 0).rule,
		"line 4: allow op=view,export uid=1000|1001");
	/* by a supplementary group */
	struct access_request request = { .operation = "view",
					  .groups = { 5, 77 },
					  .group_count = 1 };
	assert_false(decide(rules, request, 7, 7).is_allowed);
	request.group_count = 2;
	assert_true(decide(rules, request, 7, 7).is_allowed);
	request.operation = "export";
	assert_false(decide(rules, request, 7, 7).is_allowed);
	access_free(rules);
}

static void names_are_those_of_the_local_files(void **state)
{
	struct access_rules *rules = rules_of("allow op=view uid=root\nallow op=export gid=root");

	(void)state;
	assert_true(may(rules, "view", 0));
	assert_false(may(rules, "view", 1));
	assert_true(
		decide(rules, (struct access_request) { .operation = "export" }, 9, 0).is_allowed);
	access_free(rules);
}

static void a_reason_and_an_age_can_be_wanted(void **state)
{
	struct access_rules *rules = rules_of("allow op=view uid=any reason=required max_age=2h\n"
					      "allow op=any uid=5");
	struct access_request request = { .operation = "view", .has_reason = true, .age_s = 7200 };

	(void)state;
	assert_true(decide(rules, request, 1, 1).is_allowed);
	request.age_s = 7201;
	assert_non_null(strstr(decide(rules, request, 1, 1).why, "old"));
	assert_true(decide(rules, request, 5, 1).is_allowed);
	request.age_s = 0;
	request.has_reason = false;
	assert_non_null(strstr(decide(rules, request, 1, 1).why, "reason"));
	access_free(rules);
}

static void an_age_that_is_not_known_opens_nothing(void **state)
{
	struct access_rules *allow = rules_of("allow op=view uid=any max_age=2h\n");
	struct access_rules *deny = rules_of("deny op=view uid=any max_age=2h\n"
					     "allow op=view uid=any\n");

	(void)state;
	assert_int_equal(access_age(1000, 1000), 0);
	assert_int_equal(access_age(1000, 8200), 7200);
	/* the clocks of two machines */
	assert_int_equal(access_age(1300, 1000), 0);
	assert_true(access_age(1301, 1000) == ACCESS_AGE_UNKNOWN);
	struct audit_subject asker = { .uid = 1000, .gid = 1000 };
	struct access_request request = { .asker = &asker, .operation = "view" };
	struct access_decision decision;
	const struct {
		uint64_t age_s;
		bool allowed_if_young, allowed_if_old;
	} cases[] = { { 7200, true, false },
		      { 7201, false, true },
		      { ACCESS_AGE_UNKNOWN, false, false } };
	for (size_t i = 0; i < 3; i++) {
		request.age_s = cases[i].age_s;
		access_decide(allow, &request, &decision);
		assert_int_equal(decision.is_allowed, cases[i].allowed_if_young);
		access_decide(deny, &request, &decision);
		assert_int_equal(decision.is_allowed, cases[i].allowed_if_old);
	}
	access_free(allow);
	access_free(deny);
}

static void a_mistake_is_named_and_denies_everything(void **state)
{
	static const struct {
		const char *text, *mistake;
	} CASES[] = {
		{ "allow uid=0", "line 1, `allow': a rule needs op=" },
		{ "\nallow op=view", "line 2, `allow': a rule needs uid= or gid=" },
		{ "permit op=view uid=0", "line 1, `permit': a rule begins with" },
		{ "allow op=look uid=0", "line 1, `op=look': no such operation" },
		{ "allow op=view uid=no-such-user-here", "no such user" },
		{ "allow op=view uid=-1", "no such user" },
		{ "allow op=view uid=4294967295", "no such user" },
		{ "allow op=view gid=owner", "no such group" },
		{ "allow op=view uid=", "whose?" },
		{ "allow op= uid=0", "which operation?" },
		{ "allow op=view op=export uid=0", "said twice" },
		{ "allow op=view uid=0 maxage=3d", "no such condition" },
		{ "allow op=record uid=1 target=all", "a target is own or any" },
		{ "allow op=view uid=0 max_age=3", "an age is" },
		{ "allow op=view uid=0 max_age=d", "an age is" },
		{ "allow op=view uid=0 max_age=99999999999999999999d", "an age is" },
		{ "allow op=view uid=0 reason=nice", "a reason is" },
		{ "allow op=view uid=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33",
		  "more than 32 names" },
		{ "allow op=view uid=\x1b[2J", "no such user" },
	};
	struct access_rules *rules;
	char mistake[160];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(load(CASES[i].text, &rules, mistake), -EBADMSG);
		assert_null(rules);
		if (!strstr(mistake, CASES[i].mistake))
			print_error("%s: %s\n", CASES[i].text, mistake);
		assert_non_null(strstr(mistake, CASES[i].mistake));
		for (const char *p = mistake; *p; p++)
			assert_true(*p >= ' ');
	}
	assert_false(may(NULL, "view", 0));
	assert_false(may(NULL, "record", OWNER));
}

/* Whatever is in the file: rules, or a mistake. */
static void any_text_can_be_read(void **state)
{
	static const char *const WORDS[] = {
		"allow",   "deny",     " ",	"\n", "op=", "view",	 "any",
		"uid=",	   "0",	       "|",	",",  "#",   "max_age=", "1d",
		"reason=", "required", "owner", "\t", "=",   "gid="
	};
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char text[512] = "", mistake[160];
		struct access_rules *rules;
		for (int i = 0, n = rand_r(&seed) % 30; i < n; i++)
			strcat(text,
			       WORDS[(size_t)rand_r(&seed) % (sizeof(WORDS) / sizeof(WORDS[0]))]);
		int err = load(text, &rules, mistake);
		assert_true(err == 0 || (err == -EBADMSG && mistake[0]));
		if (!err)
			(void)may(rules, "view", 0);
		access_free(rules);
	}
}

static void rules_that_others_may_write_are_none(void **state)
{
	struct access_rules *rules;
	char mistake[160];

	(void)state;
	access_free(rules_of("allow op=any uid=any"));
	assert_int_equal(chmod(path, 0622), 0);
	assert_int_equal(access_load(path, &rules, mistake), -EPERM);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(access_load("/nonexistent/file", &rules, mistake), -ENOENT);
	assert_int_equal(access_load("/dev/null", &rules, mistake), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_age_that_is_not_known_opens_nothing),
		cmocka_unit_test(by_default_root_and_the_owner_may_and_nobody_else),
		cmocka_unit_test(an_unknown_operation_is_denied_to_anybody),
		cmocka_unit_test(whose_processes_are_recorded_is_said_by_the_rule),
		cmocka_unit_test(the_first_rule_that_matches_decides),
		cmocka_unit_test(names_are_those_of_the_local_files),
		cmocka_unit_test(a_reason_and_an_age_can_be_wanted),
		cmocka_unit_test(a_mistake_is_named_and_denies_everything),
		cmocka_unit_test(any_text_can_be_read),
		cmocka_unit_test(rules_that_others_may_write_are_none),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
