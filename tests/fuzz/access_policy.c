// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules of who may open captures, and what they decide. */
#include "base/io.h"
#include "tests/fuzz/fuzz.h"
#include "vault/access.h"

static void decide(const struct access_rules *rules, struct access_request request, uid_t uid)
{
	struct audit_subject asker = { .uid = uid, .gid = uid };
	struct access_decision decision;

	request.asker = &asker;
	access_decide(rules, &request, &decision);
	require(decision.operation && memchr(decision.rule, 0, sizeof(decision.rule)));
	require(decision.is_allowed || decision.why);
	/* no rule at all allows nothing */
	access_decide(NULL, &request, &decision);
	require(!decision.is_allowed);
}

/* A name is needed, as links are refused. */
static int load(const uint8_t *data, size_t size, struct access_rules **rules,
		char mistake[static 160])
{
	char path[] = "/tmp/heaptrail-fuzz-XXXXXX";
	int fd = mkstemp(path);

	require(fd >= 0 && io_write(fd, data, size) == 0);
	int err = access_load(path, rules, mistake);
	unlink(path);
	close(fd);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct access_rules *rules;
	char mistake[160] = "";

	if (load(data, size, &rules, mistake)) {
		require(memchr(mistake, 0, sizeof(mistake)));
		return 0;
	}
	decide(rules, (struct access_request) { .operation = "view", .owner = 900 }, 1000);
	decide(rules, (struct access_request) { .operation = "export", .has_reason = true }, 0);
	decide(rules,
	       (struct access_request) { .operation = "what",
					 .groups = { 4, 1000 },
					 .group_count = 2,
					 .age_s = 90000 },
	       900);
	access_free(rules);
	return 0;
}
