// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/container.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "abbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb0"

static char folder[] = "/tmp/heaptrail-container-XXXXXX";
static char docker[64], podman[64], machines[64];
static struct container_places places = { docker, podman, machines };

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **state)
{
	char path[256];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(docker, sizeof(docker), "%s/docker", folder);
	snprintf(podman, sizeof(podman), "%s/containers.json", folder);
	snprintf(machines, sizeof(machines), "%s/machines", folder);
	mkdir(docker, 0700);
	mkdir(machines, 0700);
	snprintf(path, sizeof(path), "%s/" A, docker);
	mkdir(path, 0700);
	strcat(path, "/config.v2.json");
	write_file(path, "{\"ID\": \"" A "\", \"Name\": \"/web\"}");
	write_file(podman,
		   "[{\"id\": \"" B
		   "\", \"names\": [\"db\", \"database\"]}, {\"id\": 7, \"names\": [\"x\"]}, 3]");
	snprintf(path, sizeof(path), "%s/debian", machines);
	write_file(path, "# This is private data. Do not parse.\nNAME=debian\nLEADER=4711\n");
	return 0;
}

static int tear_down(void **state)
{
	static const char *const NAMES[] = { "docker/" A "/config.v2.json",
					     "docker/" A,
					     "docker",
					     "machines/debian",
					     "machines",
					     "containers.json",
					     "" };
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, NAMES[i]);
		assert_int_equal(remove(path), 0);
	}
	return 0;
}

static void names_are_found_where_they_are_kept(void **state)
{
	char id[CONTAINER_ID_SIZE];
	uint32_t pid;

	(void)state;
	assert_int_equal(container_by_name(&places, "web", id, &pid), 0);
	assert_string_equal(id, A);
	assert_int_equal(container_by_name(&places, "database", id, &pid), 0);
	assert_string_equal(id, B);
	assert_int_equal(container_by_name(&places, "debian", id, &pid), 0);
	assert_string_equal(id, "");
	assert_int_equal(pid, 4711);
	static const char *const UNKNOWN[] = { "", "we", "/web", "x", "../machines/debian", "." };
	for (size_t i = 0; i < sizeof(UNKNOWN) / sizeof(UNKNOWN[0]); i++)
		assert_int_equal(container_by_name(&places, UNKNOWN[i], id, &pid), -ENOENT);
	write_file(podman, "{[");
	assert_int_equal(container_by_name(&places, "db", id, &pid), -ENOENT);
}

static void ids_are_rows_of_64_digits(void **state)
{
	char ids[3][CONTAINER_ID_SIZE];
	const char *text = "0::/system.slice/docker-" A ".scope\n1:cpu:/kubepods/pod1/" B
			   "\n2:x:/docker/" A "\n3:y:/a" A "\n";

	(void)state;
	assert_int_equal(container_ids(text, "a", ids, 0, 3), 2);
	assert_string_equal(ids[0], A);
	assert_string_equal(ids[1], B);
	assert_int_equal(container_ids(text, "ab", ids, 0, 3), 1);
	assert_string_equal(ids[0], B);
	/* those of another process */
	assert_int_equal(container_ids("0::/libpod-" A, "", ids, 1, 3), 2);
	assert_int_equal(container_ids(text, "a", ids, 0, 1), 1);
	assert_int_equal(container_ids(text, "c", ids, 0, 3), 0);
	assert_int_equal(container_ids("", "a", ids, 0, 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_found_where_they_are_kept),
		cmocka_unit_test(ids_are_rows_of_64_digits),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
