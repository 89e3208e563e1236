// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/debuginfod.h"

#include "base/io.h"
#include "base/message.h"
#include "base/site.h"
#include "base/text.h"
#include "commands/command.h"
#include "workers/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIND	  "debuginfod-find"
#define NAMES_MAX (4u << 20) /* as in a capture */

extern char **environ;

int debuginfod_check(void)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (urls && *urls)
		return EXIT_DONE;
	return command_fail(
		EXIT_MISUSED,
		"--debuginfod: $DEBUGINFOD_URLS names no server; for Debian's programs "
		"it is https://debuginfod.debian.net (with sudo: --preserve-env=DEBUGINFOD_URLS)");
}

/* Starts debuginfod-find; its standard output can be read from *out. 0 or -errno. */
static int start_find(const char *kind, const char *build_id, pid_t *pid, int *out)
{
	char *const argv[] = { (char *)FIND, (char *)kind, (char *)build_id, NULL };
	posix_spawn_file_actions_t actions;
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC))
		return -errno;
	int err = posix_spawn_file_actions_init(&actions);
	if (!err) {
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_adddup2(&actions, pipe_fds[1], STDOUT_FILENO);
		/* what it does not find is told in a sum */
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
		err = posix_spawnp(pid, FIND, &actions, NULL, argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(pipe_fds[1]);
	if (err)
		close(pipe_fds[0]);
	else
		*out = pipe_fds[0];
	return -err;
}

/* The file of that kind and build id, opened; -ENOENT: no server has it; -EXDEV: the program that
 * asks is not there. */
static int fetch(const char *kind, const char *build_id)
{
	char *path = NULL;
	size_t size = 0;
	int out = -1, status = 0;
	pid_t pid;
	int err = start_find(kind, build_id, &pid, &out);

	if (err)
		return err == -ENOENT ? -EXDEV : err;
	err = io_read_all(out, PATH_MAX, &path, &size);
	io_close(&out);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!err && (!WIFEXITED(status) || WEXITSTATUS(status) || !size))
		err = -ENOENT;
	int fd = -1;
	if (!err) {
		path[strcspn(path, "\n")] = 0;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		err = fd < 0 ? -errno : 0;
	}
	free(path);
	return err ? err : fd;
}

/* A memfd with the offsets of one entry, and how many; -1: they are not offsets. */
static int offsets_of(const json_t *entry, uint32_t *count)
{
	const json_t *list = json_object_get(entry, "offsets"), *value;
	int fd = memfd_create("offsets", MFD_CLOEXEC);
	int err = fd < 0;
	size_t i;

	json_array_foreach(list, i, value)
	{
		uint64_t offset = (uint64_t)json_integer_value(value);
		err = err || io_write(fd, &offset, sizeof(offset));
	}
	*count = (uint32_t)json_array_size(list);
	if (err)
		io_close(&fd);
	return fd;
}

/* The files of one entry, as the symbolizer wants them; -1: absent. */
struct files {
	int module, debug, common;
};

static void files_close(struct files *files)
{
	io_close(&files->module);
	io_close(&files->debug);
	io_close(&files->common);
}

/* One request about files; what it writes is in a memfd. That or -errno. */
static int symbolize(struct worker_process *symbolizer, const struct symbolizer_request *request,
		     const struct files *files, int in, uint64_t *size)
{
	static const struct message_rule RULES[] = {
		{ SYMBOLIZER_REPLY, sizeof(struct symbolizer_reply), 0 },
	};
	static struct message message;
	const struct symbolizer_reply *reply = (const void *)message.body;
	int out = memfd_create("symbols", MFD_CLOEXEC),
	    null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fds[5] = { files->module, files->debug, files->common, in, out };
	int err = out < 0 || null < 0 ? -errno : 0;

	for (size_t i = 0; i < 5; i++)
		fds[i] = fds[i] >= 0 ? fds[i] : null;
	if (!err)
		err = message_send(symbolizer->socket, SYMBOLIZER_REQUEST, request,
				   sizeof(*request), fds, 5);
	if (!err)
		err = message_recv(symbolizer->socket, RULES, 1, &message);
	if (!err && reply->error)
		err = reply->error > 0 ? -reply->error : -EIO;
	if (!err)
		*size = reply->out_size;
	io_close(&null);
	if (err)
		io_close(&out);
	return err ? err : out;
}

/* What dwz took out of the debug file is in another one, and has a build id of its own. */
static int fetch_common(struct worker_process *symbolizer, int debug)
{
	const struct symbolizer_request request = { .kind = SYMBOLIZER_LINKS };
	const struct files files = { debug, -1, -1 };
	struct debug_links links = { 0 };
	char build_id[2 * BUILD_ID_MAX + 1];
	uint64_t size = 0;
	int out = symbolize(symbolizer, &request, &files, -1, &size);
	int err = out < 0 ? out : io_pread(out, &links, sizeof(links), 0);

	io_close(&out);
	if (err || links.common_id_size == 0 || links.common_id_size > BUILD_ID_MAX)
		return -1;
	int fd = fetch("debuginfo", text_hex(build_id, links.common_id, links.common_id_size));
	return fd < 0 ? -1 : fd;
}

/* Names for one entry, as a memfd, or -errno. */
static int name_entry(struct worker_process *symbolizer, const struct files *files,
		      const json_t *entry, uint64_t *size)
{
	struct symbolizer_request request = { .kind = SYMBOLIZER_NAMES };
	int in = offsets_of(entry, &request.count);
	int out = in < 0 ? -ENOMEM : symbolize(symbolizer, &request, files, in, size);

	io_close(&in);
	if (out < 0 || (*size && *size <= NAMES_MAX))
		return out;
	close(out);
	return -EFBIG;
}

/* To the reader, which checks them as it checks those of a capture. */
static int give(struct opened_capture *capture, const json_t *entry, int names, uint64_t size)
{
	uint8_t *payload = malloc(size);
	char *hex = malloc(2 * size + 1);
	json_t *question = NULL, *answer = NULL;
	int status = EXIT_FAILED;

	if (payload && hex && io_pread(names, payload, size, 0) == 0)
		question = json_pack("{s:s, s:O, s:s}", "ask", "fill", "module",
				     json_object_get(entry, "module"), "names",
				     text_hex(hex, payload, size));
	if (question)
		status = opened_capture_ask(capture, question, &answer);
	else
		command_fail(status, "names of debuginfod: out of memory");
	json_decref(question);
	json_decref(answer);
	free(payload);
	free(hex);
	return status;
}

/* Offsets count in the executable, names are in the debug file: both are needed. 0 or -errno. */
static int fetch_files(struct worker_process *symbolizer, const char *build_id, struct files *files)
{
	files->module = fetch("executable", build_id);
	if (files->module < 0)
		return files->module;
	files->debug = fetch("debuginfo", build_id);
	if (files->debug < 0)
		return files->debug;
	files->common = fetch_common(symbolizer, files->debug);
	return 0;
}

static int fill_entry(struct opened_capture *capture, struct worker_process *symbolizer,
		      const json_t *entry, size_t *filled)
{
	const char *build_id = json_string_value(json_object_get(entry, "build_id"));
	struct files files = { -1, -1, -1 };
	uint64_t size = 0;
	int names = -1, status = EXIT_DONE;
	int err = build_id ? fetch_files(symbolizer, build_id, &files) : -ENOENT;

	if (err == -EXDEV)
		status = command_fail(EXIT_FAILED,
				      "--debuginfod: there is no program " FIND
				      "; install the package debuginfod, or report without it");
	if (!err)
		names = name_entry(symbolizer, &files, entry, &size);
	if (names >= 0)
		status = give(capture, entry, names, size);
	*filled += names >= 0 && !status;
	if (names >= 0)
		close(names);
	files_close(&files);
	return status;
}

int debuginfod_fill(struct opened_capture *capture)
{
	struct worker_process symbolizer = WORKER_PROCESS_NONE;
	json_t *question = json_pack("{s:s}", "ask", "gaps"), *gaps = NULL;
	const json_t *entry;
	size_t i, filled = 0, count = 0;
	int status = opened_capture_ask(capture, question, &gaps);
	int err = status ? 0 : worker_start("symbolizer", &symbolizer);

	if (err)
		status = command_fail(EXIT_FAILED, "the symbolizer cannot be started: %s",
				      strerror(-err));
	json_array_foreach(json_object_get(gaps, "modules"), i, entry)
	{
		if (!status)
			status = fill_entry(capture, &symbolizer, entry, &filled);
		count++;
	}
	if (!status && count)
		fprintf(stderr, "heaptrail: debuginfod had names for %zu of %zu modules\n", filled,
			count);
	worker_finish(&symbolizer);
	json_decref(question);
	json_decref(gaps);
	return status;
}
