// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/doctor_permissions.h"

#include "base/text.h"
#include "commands/command.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What is reviewed; the first row whose pattern matches a path below the state directory decides.
 * Everything else there is nobody's to write but its owner's. A new kind of file is a new row.
 */
static const struct rule {
	const char *pattern; /* fnmatch(3), of the path below the state directory; "": itself */
	mode_t type;
	mode_t most; /* bits that it may have */
	const char *why;
} RULES[] = {
	{ "", S_IFDIR, 0755, "whoever writes there can exchange what is in it" },
	{ "keys", S_IFDIR, 0700, "the private keys are there" },
	{ "keys/*.pub", S_IFREG, 0644,
	  "whoever changes it can have captures encrypted for himself" },
	{ "keys/auditors", S_IFREG, 0644,
	  "whoever changes it can check, and lose, the log's MACs" },
	{ "keys/recipients", S_IFREG, 0644,
	  "whoever changes it can have captures encrypted for himself" },
	{ "keys/*", S_IFREG, 0600, "it is a private key" },
	{ "audit", S_IFDIR, 0755, "whoever writes there can exchange the log" },
	{ "audit/*", S_IFREG, 0644, "whoever writes it can forge the log" },
	{ "captures", S_IFDIR, 02770, "whoever writes there can delete captures" },
	{ "captures/*", S_IFREG, 0640, "it is a capture" },
	{ "cache", S_IFDIR, 0700, "tables made elsewhere would be taken for the symbolizer's" },
	{ "cache/*", S_IFREG, 0600, "tables made elsewhere would be taken for the symbolizer's" },
	{ "access.policy", S_IFREG, 0644, "whoever writes it decides who opens captures" },
};

#define PERMISSION_BITS 07777

struct review {
	const char *root;
	uid_t owner; /* of the keys: the vault's user */
	bool is_json;
	json_t *list; /* of what is wrong */
	size_t count;
};

static void complain(struct review *review, const char *path, const char *what, const char *why,
		     const char *remedy)
{
	char safe[PATH_MAX];

	text_safe(safe, sizeof(safe), path, strlen(path));
	json_array_append_new(review->list, json_pack("{s:s, s:s, s:s, s:s}", "path", safe, "wrong",
						      what, "why", why, "remedy", remedy));
	if (!review->is_json)
		printf("wrong    %s: %s\n         %s: %s\n", safe, what, why, remedy);
}

static const char *type_name(mode_t type)
{
	switch (type) {
	case S_IFDIR: return "a folder";
	case S_IFREG: return "a file";
	case S_IFLNK: return "a link";
	case S_IFSOCK: return "a socket";
	default: return "a special file";
	}
}

/* Type, owner and mode of one path. False: there is nothing. */
static bool look_at(struct review *review, const char *path, mode_t type, mode_t most,
		    const char *why)
{
	char what[128], remedy[128];
	struct stat st;

	if (lstat(path, &st))
		return false;
	review->count++;
	if ((st.st_mode & S_IFMT) != type) {
		snprintf(what, sizeof(what), "is %s, not %s", type_name(st.st_mode & S_IFMT),
			 type_name(type));
		complain(review, path, what, why, "look what it is, and move it away");
		return true;
	}
	if (st.st_uid != 0 && st.st_uid != review->owner) {
		snprintf(what, sizeof(what), "belongs to uid %u", st.st_uid);
		snprintf(remedy, sizeof(remedy), "chown %u", review->owner);
		complain(review, path, what, why, remedy);
	}
	mode_t more = st.st_mode & PERMISSION_BITS & ~most;
	if (more) {
		snprintf(what, sizeof(what), "has mode %04o, more than %04o",
			 st.st_mode & PERMISSION_BITS, most);
		snprintf(remedy, sizeof(remedy), "chmod %04o", st.st_mode & most & PERMISSION_BITS);
		complain(review, path, what, why, remedy);
	}
	return true;
}

static const struct rule *rule_for(const char *below)
{
	for (size_t i = 0; i < sizeof(RULES) / sizeof(RULES[0]); i++)
		if (fnmatch(RULES[i].pattern, below, FNM_PATHNAME | FNM_PERIOD) == 0)
			return &RULES[i];
	return NULL;
}

static void look_below(struct review *review, const char *below)
{
	static const struct rule REST = { .type = S_IFREG,
					  .most = 0755,
					  .why = "others should not write here" };
	char path[PATH_MAX], next[PATH_MAX];
	const struct rule *rule = rule_for(below);
	struct dirent *entry;

	if (!rule)
		rule = &REST;
	snprintf(path, sizeof(path), "%s%s%s", review->root, *below ? "/" : "", below);
	if (!look_at(review, path, rule->type, rule->most, rule->why) || rule->type != S_IFDIR)
		return;
	DIR *dir = opendir(path);
	if (!dir && errno != ENOTDIR)
		complain(review, path, strerror(errno), "it cannot be reviewed", "run as root");
	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (snprintf(next, sizeof(next), "%s%s%s", below, *below ? "/" : "",
			     entry->d_name) < (int)sizeof(next))
			look_below(review, next);
	}
	if (dir)
		closedir(dir);
}

/* Whoever may write in a folder above can put another in its place, unless only owners may (/tmp).
 */
static void look_above(struct review *review)
{
	char path[PATH_MAX];
	struct stat st;

	text_copy(path, sizeof(path), review->root);
	for (char *slash; (slash = strrchr(path, '/'));) {
		slash[slash == path] = 0;
		if (stat(path, &st) == 0 && (st.st_mode & 022) && !(st.st_mode & S_ISVTX))
			complain(review, path, "others may write there",
				 "they can put another state directory in the place of this one",
				 "chmod go-w");
		if (slash == path)
			break;
	}
}

/* The programs, which run as root. */
static void look_at_programs(struct review *review)
{
	static const char WHY[] = "it runs as root";
	char exe[PATH_MAX], path[PATH_MAX + 300];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct dirent *entry;

	if (n <= 0)
		return;
	exe[n] = 0;
	look_at(review, exe, S_IFREG, 0755, WHY);
	*strrchr(exe, '/') = 0;
	/* where `make' and where `make install' puts them */
	static const char *const PLACES[] = { "workers", "../libexec/heaptrail" };
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", exe, PLACES[i]);
		DIR *dir = opendir(path);
		while (dir && (entry = readdir(dir))) {
			if (strncmp(entry->d_name, "heaptrail-", 10) != 0)
				continue;
			snprintf(path, sizeof(path), "%s/%s/%.255s", exe, PLACES[i], entry->d_name);
			look_at(review, path, S_IFREG, 0755, WHY);
		}
		if (dir)
			closedir(dir);
	}
}

int doctor_permissions(const char *state_directory, bool is_json)
{
	struct review review = { .root = state_directory,
				 .is_json = is_json,
				 .list = json_array() };
	char keys[PATH_MAX];
	struct stat st;

	if (lstat(state_directory, &st)) {
		json_decref(review.list);
		return command_fail(EXIT_FAILED, "%s: %s", state_directory, strerror(errno));
	}
	snprintf(keys, sizeof(keys), "%.4000s/keys", state_directory);
	review.owner = lstat(keys, &st) ? 0 : st.st_uid;
	look_above(&review);
	look_below(&review, "");
	look_at(&review, "/etc/heaptrail", S_IFDIR, 0755,
		"whoever writes there decides who opens captures");
	look_at(&review, "/etc/heaptrail/access.policy", S_IFREG, 0644,
		"whoever writes it decides who opens captures");
	look_at(&review, "/run/heaptrail/vault.sock", S_IFSOCK, 0660,
		"whoever can connect may ask the vault");
	look_at(&review, "/run/heaptrail/record.sock", S_IFSOCK, 0660,
		"whoever can connect may ask for recordings");
	look_at_programs(&review);
	size_t wrong = json_array_size(review.list);
	if (is_json) {
		json_dumpf(review.list, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (!wrong) {
		printf("ok       %zu files and folders are as they should be\n", review.count);
	}
	json_decref(review.list);
	return wrong ? EXIT_PERMISSION : EXIT_DONE;
}
