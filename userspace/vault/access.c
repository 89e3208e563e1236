// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/access.h"

#include "generated/access_default.h" /* policies/access/default.policy */
#include "base/io.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX    65536
#define RULES_MAX   256
#define IDS_MAX	    32
#define ID_ANY	    (1ULL << 32)
#define ID_OWNER    (2ULL << 32)
#define SECONDS_MAX (100ULL * 365 * 86400)

/* What can be done with captures; the last is all of them. */
static const char *const OPERATIONS[] = { "view", "export", "record", "rewrap", "front", "any" };

#define CLOCKS_DIFFER_S 300 /* at most, of hosts that are well */

#define OPERATION_COUNT (sizeof(OPERATIONS) / sizeof(OPERATIONS[0]))

struct ids {
	uint64_t id[IDS_MAX]; /* or ID_ANY, ID_OWNER */
	size_t count;	      /* 0: does not matter */
};

struct rule {
	unsigned line;
	bool allows, needs_reason, has_others;
	unsigned operations; /* bit i: OPERATIONS[i] */
	struct ids uids, gids;
	uint64_t max_age_s; /* 0: any */
	char text[96];	    /* as it is written, for the record */
};

struct access_rules {
	size_t count;
	struct rule rules[RULES_MAX];
};

/* --- parsing --- */

static bool parse_number(const char *text, uint64_t max, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *number <= max;
}

/*
 * Names come from the local files only: whatever else the name service switch is configured with
 * (libraries that talk to directories over the network) has no place in the process that holds the
 * keys.
 */
static bool find_user(const char *name, uint64_t *id)
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	bool is_found = false;

	while (file && !is_found && (entry = fgetpwent(file)))
		if (strcmp(entry->pw_name, name) == 0) {
			*id = entry->pw_uid;
			is_found = true;
		}
	if (file)
		fclose(file);
	return is_found;
}

static bool find_group(const char *name, uint64_t *id)
{
	FILE *file = fopen("/etc/group", "re");
	const struct group *entry;
	bool is_found = false;

	while (file && !is_found && (entry = fgetgrent(file)))
		if (strcmp(entry->gr_name, name) == 0) {
			*id = entry->gr_gid;
			is_found = true;
		}
	if (file)
		fclose(file);
	return is_found;
}

/* Each parser takes what is after the = and says what is wrong with it; NULL: nothing. */

static const char *parse_operations(struct rule *rule, char *value)
{
	for (char *name = strtok(value, "|,"); name; name = strtok(NULL, "|,")) {
		size_t i = 0;
		while (i < OPERATION_COUNT && strcmp(OPERATIONS[i], name) != 0)
			i++;
		if (i == OPERATION_COUNT)
			return "no such operation: it is view, export, record, rewrap, front or any";
		rule->operations |= i == OPERATION_COUNT - 1 ? ~0U : 1U << i;
	}
	return rule->operations ? NULL : "which operation?";
}

static const char *parse_ids(struct ids *ids, char *value, bool is_user)
{
	for (char *name = strtok(value, "|,"); name; name = strtok(NULL, "|,")) {
		uint64_t id;
		if (ids->count == IDS_MAX)
			return "more than 32 names";
		if (strcmp(name, "any") == 0)
			id = ID_ANY;
		else if (is_user && strcmp(name, "owner") == 0)
			id = ID_OWNER;
		else if (!parse_number(name, UINT32_MAX - 1, &id) &&
			 !(is_user ? find_user : find_group)(name, &id))
			return is_user ? "no such user in /etc/passwd"
				       : "no such group in /etc/group";
		ids->id[ids->count++] = id;
	}
	return ids->count ? NULL : "whose?";
}

static const char *parse_uids(struct rule *rule, char *value)
{
	return parse_ids(&rule->uids, value, true);
}

static const char *parse_gids(struct rule *rule, char *value)
{
	return parse_ids(&rule->gids, value, false);
}

static const char *parse_age(struct rule *rule, char *value)
{
	static const char UNITS[] = "smhdw";
	static const uint64_t SECONDS[] = { 1, 60, 3600, 86400, 7 * 86400 };
	size_t length = strlen(value);
	const char *unit = length ? strchr(UNITS, value[length - 1]) : NULL;
	uint64_t number;

	if (!unit)
		return "an age is a number and s, m, h, d or w";
	value[length - 1] = 0;
	if (!parse_number(value, SECONDS_MAX / SECONDS[unit - UNITS], &number) || !number)
		return "an age is a number and s, m, h, d or w";
	rule->max_age_s = number * SECONDS[unit - UNITS];
	return NULL;
}

static const char *parse_reason(struct rule *rule, char *value)
{
	rule->needs_reason = true;
	return strcmp(value, "required") == 0 ? NULL
					      : "a reason is `required', or is not mentioned";
}

static const char *parse_target(struct rule *rule, char *value)
{
	rule->has_others = strcmp(value, "any") == 0;
	return rule->has_others || strcmp(value, "own") == 0 ? NULL : "a target is own or any";
}

static const struct {
	const char *name;
	const char *(*parse)(struct rule *rule, char *value);
} CONDITIONS[] = {
	{ "op=", parse_operations }, { "uid=", parse_uids },	  { "gid=", parse_gids },
	{ "max_age=", parse_age },   { "reason=", parse_reason }, { "target=", parse_target },
};

#define CONDITION_COUNT (sizeof(CONDITIONS) / sizeof(CONDITIONS[0]))

/* A condition may come once. */
static const char *parse_condition(struct rule *rule, char *word, unsigned *seen)
{
	for (size_t i = 0; i < CONDITION_COUNT; i++) {
		size_t length = strlen(CONDITIONS[i].name);
		if (strncmp(word, CONDITIONS[i].name, length) != 0)
			continue;
		if (*seen & 1U << i)
			return "said twice";
		*seen |= 1U << i;
		return CONDITIONS[i].parse(rule, word + length);
	}
	return "no such condition: it is op=, uid=, gid=, max_age=, reason= or target=";
}

/* NULL: it is a rule, or (operations 0) nothing. *word: where the mistake is. */
static const char *parse_line(struct rule *rule, char *line, const char **word)
{
	unsigned seen = 0;
	char *words[16], *rest = line;
	size_t count = 0;

	*word = line;
	text_safe(rule->text, sizeof(rule->text), line, strlen(line));
	for (char *at = strtok_r(line, " \t\r", &rest); at && *at != '#';
	     at = strtok_r(NULL, " \t\r", &rest)) {
		if (count == 16)
			return "too many conditions";
		words[count++] = at;
	}
	if (!count)
		return NULL;
	*word = words[0];
	rule->allows = strcmp(words[0], "allow") == 0;
	if (!rule->allows && strcmp(words[0], "deny") != 0)
		return "a rule begins with allow or deny";
	for (size_t i = 1; i < count; i++) {
		char copy[96];
		text_copy(copy, sizeof(copy), words[i]);
		const char *mistake = strlen(words[i]) >= sizeof(copy)
					      ? "too long"
					      : parse_condition(rule, copy, &seen);
		*word = words[i];
		if (mistake)
			return mistake;
	}
	*word = words[0];
	if (!rule->operations)
		return "a rule needs op=";
	if (!rule->uids.count && !rule->gids.count)
		return "a rule needs uid= or gid=";
	return NULL;
}

/* The caller frees it. NULL: no memory, or a mistake. */
static struct access_rules *parse(char *text, char mistake[static 160])
{
	struct access_rules *rules = calloc(1, sizeof(*rules));
	unsigned line = 0;

	*mistake = 0;
	for (char *at = text, *next; rules && at; at = next) {
		struct rule rule = { .line = ++line };
		const char *word, *what;
		char safe[48];
		next = strchr(at, '\n');
		if (next)
			*next++ = 0;
		what = parse_line(&rule, at, &word);
		if (!what && rule.operations && rules->count == RULES_MAX)
			what = "more than 256 rules";
		if (what) {
			snprintf(mistake, 160, "line %u, `%s': %s", line,
				 text_safe(safe, sizeof(safe), word, strlen(word)), what);
			free(rules);
			return NULL;
		}
		if (rule.operations)
			rules->rules[rules->count++] = rule;
	}
	return rules;
}

int access_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

int access_load(const char *path, struct access_rules **rules, char mistake[static 160])
{
	int fd = access_open(path);

	*rules = NULL;
	return fd < 0 ? fd : access_read(fd, rules, mistake);
}

int access_read(int fd, struct access_rules **rules, char mistake[static 160])
{
	struct stat st;
	char *text = NULL;
	size_t size = 0;
	int err = 0;

	*rules = NULL;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) ||
		 (st.st_mode & 022))
		err = -EPERM;
	if (!err)
		err = io_read_all(fd, FILE_MAX, &text, &size);
	close(fd);
	if (!err && strlen(text) != size) {
		snprintf(mistake, 160, "it has a zero byte");
		err = -EBADMSG;
	}
	if (!err) {
		*rules = parse(text, mistake);
		err = *rules ? 0 : *mistake ? -EBADMSG : -ENOMEM;
	}
	free(text);
	return err;
}

struct access_rules *access_default(void)
{
	char text[] = ACCESS_DEFAULT, mistake[160];

	return parse(text, mistake);
}

void access_free(struct access_rules *rules)
{
	free(rules);
}

/* --- deciding --- */

static bool is_one_of(const struct ids *ids, uint64_t id, uid_t owner)
{
	for (size_t i = 0; i < ids->count; i++)
		if (ids->id[i] == ID_ANY || ids->id[i] == id ||
		    (ids->id[i] == ID_OWNER && id == owner))
			return true;
	return false;
}

static bool is_in_group(const struct ids *gids, const struct access_request *request)
{
	if (is_one_of(gids, request->asker->gid, (uid_t)-1))
		return true;
	for (size_t i = 0; i < request->group_count; i++)
		if (is_one_of(gids, request->groups[i], (uid_t)-1))
			return true;
	return false;
}

static bool is_about(const struct rule *rule, const struct access_request *request,
		     unsigned operation)
{
	return (rule->operations & operation) &&
	       (!rule->uids.count || is_one_of(&rule->uids, request->asker->uid, request->owner)) &&
	       (!rule->gids.count || is_in_group(&rule->gids, request));
}

static void decide_without_match(const struct access_request *request, const char *operation,
				 const char *hint, struct access_decision *decision)
{
	snprintf(decision->rule, sizeof(decision->rule), "deny op=%s uid=%u: no rule allows it",
		 operation, request->asker->uid);
	decision->why =
		hint ? hint
		     : "you may not do this with captures here: no rule of the vault's policy allows it";
}

uint64_t access_age(uint64_t begun, uint64_t now)
{
	if (begun <= now)
		return now - begun;
	return begun - now <= CLOCKS_DIFFER_S ? 0 : ACCESS_AGE_UNKNOWN;
}

static bool is_too_old(const struct rule *rule, const struct access_request *request)
{
	if (!rule->max_age_s)
		return false;
	if (request->age_s == ACCESS_AGE_UNKNOWN)
		return rule->allows;
	return request->age_s > rule->max_age_s;
}

void access_decide(const struct access_rules *rules, const struct access_request *request,
		   struct access_decision *decision)
{
	const char *hint = NULL;
	size_t operation = 0;

	*decision = (struct access_decision) { 0 };
	while (operation < OPERATION_COUNT - 1 &&
	       strcmp(OPERATIONS[operation], request->operation) != 0)
		operation++;
	decision->operation = operation == OPERATION_COUNT - 1 ? "unknown" : OPERATIONS[operation];
	if (operation == OPERATION_COUNT - 1) {
		decide_without_match(request, "unknown", "there is no such operation on captures",
				     decision);
		return;
	}
	if (!rules) {
		decide_without_match(
			request, OPERATIONS[operation],
			"the vault's access policy has a mistake, so it denies everything; its administrator "
			"knows which (heaptrail audit show)",
			decision);
		return;
	}
	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->rules[i];
		if (!is_about(rule, request, 1U << operation))
			continue;
		if (rule->needs_reason && !request->has_reason) {
			hint = "the vault's policy wants a reason: --reason";
			continue;
		}
		if (is_too_old(rule, request)) {
			hint = "the vault's policy does not allow captures as old as this one";
			continue;
		}
		decision->is_allowed = rule->allows;
		decision->has_others = rule->has_others;
		decision->why = rule->allows ? NULL : "the vault's policy denies you this";
		snprintf(decision->rule, sizeof(decision->rule), "line %u: %s", rule->line,
			 rule->text);
		return;
	}
	decide_without_match(request, OPERATIONS[operation], hint, decision);
}
