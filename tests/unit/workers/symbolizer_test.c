// SPDX-License-Identifier: GPL-2.0-or-later
/* The symbolizer as it is run: confined, over its socket. Skipped where it has not been built. */
#include "base/io.h"
#include "base/message.h"
#include "capture/names.h"
#include "symbols/elf.h"
#include "workers/protocol.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LIBC	"/lib/x86_64-linux-gnu/libc.so.6"
#define OUT_MAX (16u << 20)

static pid_t worker;
static int connection = -1;
static char *out;
static size_t out_size;

static int start(void **state)
{
	char self[512] = "", path[600];
	int pair[2];

	(void)state;
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 || message_pair(pair))
		return -1;
	snprintf(path, sizeof(path), "%s/../../workers/heaptrail-symbolizer", dirname(self));
	connection = -1;
	if (access(path, X_OK) == 0) {
		worker = fork();
		if (worker == 0) {
			dup2(pair[1], WORKER_SOCKET);
			execl(path, path, NULL);
			_exit(127);
		}
		connection = pair[0];
	}
	close(pair[1]);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	free(out);
	out = NULL;
	if (connection < 0)
		return 0;
	io_close(&connection);
	return waitpid(worker, NULL, 0) == worker ? 0 : -1;
}

static struct symbolizer_reply ask(const char *module, enum symbolizer_kind kind,
				   const uint64_t *offsets, uint32_t count)
{
	static const struct message_rule RULES[] = {
		{ SYMBOLIZER_REPLY, sizeof(struct symbolizer_reply), 0 },
	};
	static struct message message;
	struct symbolizer_request request = { .kind = kind, .count = count };
	struct symbolizer_reply reply;
	int fds[5] = { open(module, O_RDONLY), open("/dev/null", O_RDONLY),
		       open("/dev/null", O_RDONLY), memfd_create("in", 0), memfd_create("out", 0) };

	if (connection < 0)
		skip();
	assert_int_equal(io_write(fds[3], offsets, count * sizeof(*offsets)), 0);
	/* what a child that died had to say is no part of the answer */
	assert_int_equal(ftruncate(fds[4], OUT_MAX), 0);
	assert_int_equal(
		message_send(connection, SYMBOLIZER_REQUEST, &request, sizeof(request), fds, 5), 0);
	assert_int_equal(message_recv(connection, RULES, 1, &message), 0);
	memcpy(&reply, message.body, sizeof(reply));
	lseek(fds[4], 0, SEEK_SET);
	assert_int_equal(io_read_all(fds[4], OUT_MAX, &out, &out_size), 0);
	if (!reply.error)
		assert_int_equal(out_size, reply.out_size);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	return reply;
}

static const struct probe_site *inspect_libc(void)
{
	struct symbolizer_reply reply = ask(LIBC, SYMBOLIZER_INSPECT, NULL, 0);
	const struct module_inspection *inspection = (const void *)out;

	assert_int_equal(reply.error, 0);
	assert_int_equal(reply.signal, 0);
	assert_int_equal(inspection->elf_class, ELFCLASS64);
	assert_true(inspection->site_count > 5);
	assert_int_equal(out_size,
			 sizeof(*inspection) + inspection->site_count * sizeof(struct probe_site));
	return (const struct probe_site *)(inspection + 1);
}

static void inspection_finds_the_functions_of_libc(void **state)
{
	(void)state;
	assert_true(strlen(inspect_libc()->symbol) > 0);
}

static void names_are_those_of_the_sites(void **state)
{
	struct name found[NAMES_INLINE_MAX];
	struct names *names = NULL;

	(void)state;
	uint64_t offset = inspect_libc()->entry_offset;
	free(out);
	struct symbolizer_reply reply = ask(LIBC, SYMBOLIZER_NAMES, &offset, 1);
	assert_int_equal(reply.error, 0);
	assert_int_equal(names_load(out, out_size, &names), 0);
	assert_int_equal(names_find(names, offset, found), 1);
	assert_true(strlen(found[0].function) > 0);
	names_free(names);
}

static void find_run(const struct elf_symbol *symbol, void *context)
{
	if (strstr(symbol->name, "Local3run"))
		*(uint64_t *)context = symbol->address;
}

/* Debug information says "run" of it, and no more. */
static void a_function_of_a_local_class_has_its_full_name(void **state)
{
	static const char SOURCE[] =
		"struct Base { virtual int run(int n) = 0; };"
		"static int outer(Base *base, int n) { struct Local : Base { int run(int k) override"
		" { return k * 2; } } local; return (n ? base : &local)->run(n); }"
		"int use(Base *base, int n) { return outer(base, n); }";
	char path[] = "/tmp/heaptrail-symbolizer-XXXXXX", command[512];
	struct name found[NAMES_INLINE_MAX];
	struct names *names = NULL;
	struct elf *elf = NULL;
	uint64_t address = 0, offset;

	(void)state;
	int fd = mkstemp(path);
	snprintf(command, sizeof(command), "echo '%s' | g++ -g -O2 -shared -fPIC -x c++ - -o %s",
		 SOURCE, path);
	assert_int_equal(system(command), 0);
	close(fd);
	fd = open(path, O_RDONLY);
	assert_int_equal(elf_open(fd, &elf), 0);
	close(fd);
	elf_each_function(elf, find_run, &address);
	assert_true(elf_offset_of(elf, address, &offset));
	elf_close(elf);
	assert_int_equal(ask(path, SYMBOLIZER_NAMES, &offset, 1).error, 0);
	unlink(path);
	assert_int_equal(names_load(out, out_size, &names), 0);
	assert_int_equal(names_find(names, offset, found), 1);
	assert_string_equal(found[0].function, "outer(Base*, int)::Local::run(int)");
	assert_int_equal(found[0].line, 1);
	names_free(names);
}

static void names_of_no_offsets_are_an_empty_payload(void **state)
{
	struct names *names = NULL;

	(void)state;
	assert_int_equal(ask(LIBC, SYMBOLIZER_NAMES, NULL, 0).error, 0);
	assert_int_equal(names_load(out, out_size, &names), 0);
	names_free(names);
}

static void offsets_out_of_order_are_refused(void **state)
{
	static const uint64_t OFFSETS[] = { 2, 1 };

	(void)state;
	assert_int_equal(ask(LIBC, SYMBOLIZER_NAMES, OFFSETS, 2).error, EINVAL);
}

static void what_is_no_module_is_refused(void **state)
{
	(void)state;
	assert_int_equal(ask("/etc/passwd", SYMBOLIZER_INSPECT, NULL, 0).error, ENOEXEC);
	free(out);
	assert_int_equal(ask("/dev/null", SYMBOLIZER_INSPECT, NULL, 0).error, EMEDIUMTYPE);
	free(out);
	/* and the worker is still there */
	assert_int_equal(ask(LIBC, SYMBOLIZER_INSPECT, NULL, 0).error, 0);
}

/* A copy of libc that its owner's group may write to. */
static void copy_libc(char path[static 32])
{
	char *bytes = NULL;
	size_t size = 0;
	int from = open(LIBC, O_RDONLY), to;

	strcpy(path, "/tmp/symbolizer_testXXXXXX");
	to = mkstemp(path);
	assert_true(from >= 0 && to >= 0);
	assert_int_equal(io_read_all(from, OUT_MAX, &bytes, &size), 0);
	assert_int_equal(io_write(to, bytes, size), 0);
	assert_int_equal(fchmod(to, 0660), 0);
	free(bytes);
	close(from);
	close(to);
}

static void a_file_that_others_can_change_gives_the_same_answers(void **state)
{
	char path[32], *wanted;

	(void)state;
	inspect_libc();
	size_t size = out_size;
	wanted = out;
	out = NULL;
	copy_libc(path);
	assert_int_equal(ask(path, SYMBOLIZER_INSPECT, NULL, 0).error, 0);
	unlink(path);
	assert_int_equal(out_size, size);
	assert_memory_equal(out, wanted, size);
	free(wanted);
}

static void functions_that_are_none_are_an_error(void **state)
{
	static uint64_t words[USER_FUNCTIONS_MAX + 1];

	(void)state;
	/* fewer bytes than a row has */
	assert_int_equal(ask(LIBC, SYMBOLIZER_INSPECT, words, 1).error, ENODATA);
	assert_int_equal(ask(LIBC, SYMBOLIZER_INSPECT, words, USER_FUNCTIONS_MAX + 1).error,
			 EPROTO);
}

static void a_message_out_of_turn_ends_the_worker(void **state)
{
	struct symbolizer_request request = { .kind = SYMBOLIZER_INSPECT };
	int status;

	(void)state;
	if (connection < 0)
		skip();
	assert_int_equal(
		message_send(connection, SYMBOLIZER_REQUEST, &request, sizeof(request), NULL, 0),
		0);
	assert_int_equal(waitpid(worker, &status, 0), worker);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	io_close(&connection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(inspection_finds_the_functions_of_libc, start,
						stop),
		cmocka_unit_test_setup_teardown(functions_that_are_none_are_an_error, start, stop),
		cmocka_unit_test_setup_teardown(names_are_those_of_the_sites, start, stop),
		cmocka_unit_test_setup_teardown(a_function_of_a_local_class_has_its_full_name,
						start, stop),
		cmocka_unit_test_setup_teardown(names_of_no_offsets_are_an_empty_payload, start,
						stop),
		cmocka_unit_test_setup_teardown(offsets_out_of_order_are_refused, start, stop),
		cmocka_unit_test_setup_teardown(what_is_no_module_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(
			a_file_that_others_can_change_gives_the_same_answers, start, stop),
		cmocka_unit_test_setup_teardown(a_message_out_of_turn_ends_the_worker, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
