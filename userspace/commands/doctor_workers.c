// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/doctor_workers.h"

#include "base/text.h"
#include "commands/command.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "heaptrail-"

/* Lines of /proc/PID/status (proc(5)), as they are; the second word of Uid is the effective one. */
static const struct {
	const char *line, *name;
	int word, width;
} FIELDS[] = {
	{ "Uid", "uid", 2, 6 },		  { "CapEff", "effective", 1, 17 },
	{ "CapPrm", "permitted", 1, 17 }, { "CapBnd", "bounding", 1, 17 },
	{ "CapAmb", "ambient", 1, 17 },	  { "NoNewPrivs", "no_new_privs", 1, 13 },
	{ "Seccomp", "seccomp", 1, 8 },
};

#define FIELD_COUNT (sizeof(FIELDS) / sizeof(FIELDS[0]))
#define TEXT_MAX    64

/* The worker's name; NULL: this process is none. */
static const char *worker_name(const char *pid, char exe[static 512])
{
	char path[320];

	snprintf(path, sizeof(path), "/proc/%.16s/exe", pid);
	ssize_t n = readlink(path, exe, 511);
	exe[n > 0 ? n : 0] = 0;
	char *slash = strrchr(exe, '/');
	return slash && strncmp(slash + 1, PREFIX, strlen(PREFIX)) == 0 ? slash + 1 + strlen(PREFIX)
									: NULL;
}

static void read_field(const char *status, const char *line, int word, char text[static TEXT_MAX])
{
	char wanted[32];

	text[0] = 0;
	snprintf(wanted, sizeof(wanted), "\n%s:", line);
	const char *at = strstr(status, wanted);
	for (at = at ? at + strlen(wanted) : ""; word > 0 && *at && *at != '\n'; word--) {
		at += strspn(at, "\t ");
		size_t length = strcspn(at, "\t \n");
		snprintf(text, TEXT_MAX, "%.*s", (int)length, at);
		at += length;
	}
}

/* What its descriptors are, each kind once with how many there are: "2 socket, 1 pipe, …". */
static json_t *descriptors(const char *pid)
{
	char path[320];
	json_t *kinds = json_object();
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		char link[512], *colon;
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = 0;
		/* "socket:[123]", "anon_inode:bpf-map", or a path */
		colon = link[0] == '/' ? NULL : strstr(link, ":[");
		if (colon)
			*colon = 0;
		json_int_t count = json_integer_value(json_object_get(kinds, link));
		json_object_set_new(kinds, link, json_integer(count + 1));
	}
	if (dir)
		closedir(dir);
	return kinds;
}

static json_t *describe(const char *pid, const char *name)
{
	char path[320], status[8192] = "\n";
	json_t *worker = json_pack("{s:s, s:I}", "worker", name, "pid",
				   (json_int_t)strtol(pid, NULL, 10));

	snprintf(path, sizeof(path), "/proc/%.16s/status", pid);
	FILE *file = fopen(path, "re");
	if (file) {
		status[1 + fread(status + 1, 1, sizeof(status) - 2, file)] = 0;
		fclose(file);
	}
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		char text[TEXT_MAX];
		read_field(status, FIELDS[i].line, FIELDS[i].word, text);
		json_object_set_new(worker, FIELDS[i].name, json_string(text));
	}
	json_object_set_new(worker, "descriptors", descriptors(pid));
	return worker;
}

static void print_worker(const json_t *worker)
{
	const char *kind, *before = "";
	char safe[600];
	json_t *count;

	printf("%-10s %7lld ", json_string_value(json_object_get(worker, "worker")),
	       (long long)json_integer_value(json_object_get(worker, "pid")));
	for (size_t i = 0; i < FIELD_COUNT; i++)
		printf("%-*s", FIELDS[i].width,
		       json_string_value(json_object_get(worker, FIELDS[i].name)));
	json_object_foreach(json_object_get(worker, "descriptors"), kind, count)
	{
		printf("%s%lld %s", before, (long long)json_integer_value(count),
		       text_safe(safe, sizeof(safe), kind, strlen(kind)));
		before = ", ";
	}
	putchar('\n');
}

/* Workers are children of the command, readers of its vault; where they are services, of systemd.
 */
static void collect(const char *parent, json_t *workers)
{
	char path[320], exe[512], *pid = NULL;
	size_t size = 0;

	snprintf(path, sizeof(path), "/proc/%.16s/task/%.16s/children", parent, parent);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	while (getdelim(&pid, &size, ' ', file) > 0) {
		pid[strcspn(pid, " ")] = 0;
		const char *name = worker_name(pid, exe);
		if (!name)
			continue;
		json_array_append_new(workers, describe(pid, name));
		collect(pid, workers);
	}
	free(pid);
	fclose(file);
}

int doctor_workers(const char *pid, bool is_json)
{
	json_t *workers = json_array(), *worker;
	size_t i;

	if (!*pid || strspn(pid, "0123456789") != strlen(pid) || strlen(pid) > 10) {
		json_decref(workers);
		return command_fail(EXIT_MISUSED, "--workers: not a pid: %s", pid);
	}
	collect(pid, workers);
	if (json_array_size(workers) == 0) {
		json_decref(workers);
		return command_fail(EXIT_TARGET, "process %s has no workers of heaptrail", pid);
	}
	if (is_json) {
		json_dumpf(workers, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		printf("%-10s %7s ", "WORKER", "PID");
		for (i = 0; i < FIELD_COUNT; i++)
			printf("%-*s", FIELDS[i].width, FIELDS[i].line);
		puts("DESCRIPTORS");
		json_array_foreach(workers, i, worker) print_worker(worker);
	}
	json_decref(workers);
	return EXIT_DONE;
}
