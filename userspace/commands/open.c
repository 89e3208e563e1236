// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/open.h"

#include "base/frame.h"
#include "base/io.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/vault_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int open_file(const char *path, int *fd)
{
	struct stat st;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0 && (errno == EACCES || errno == EPERM))
		return command_fail(EXIT_PERMISSION,
				    "%s: you may not read this file; run as root, or ask its owner",
				    path);
	if (*fd < 0)
		return command_fail(EXIT_FAILED, "%s: %s", path, strerror(errno));
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
		return EXIT_DONE;
	io_close(fd);
	return command_fail(EXIT_FAILED, "%s: is %s, not a capture", path,
			    S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
}

bool open_is_written(int fd)
{
	/* a lease on what others write is refused; to whom the kernel does not say it, it may be */
	bool is_written = fcntl(fd, F_SETLEASE, F_RDLCK) && (errno == EAGAIN || errno == EACCES);

	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return is_written;
}

int open_capture(const char *path, const char *state_directory, const char *operation,
		 const char *why, struct opened_capture *capture)
{
	static const struct message_rule OPENED = { VAULT_OPENED, sizeof(struct vault_opened), 1 };
	static struct message answer;
	struct vault_open request = { 0 };
	int fd;
	int status = open_file(path, &fd);

	*capture = (struct opened_capture) { .path = path,
					     .socket = -1,
					     .vault = WORKER_PROCESS_NONE };
	if (status)
		return status;
	capture->is_written = open_is_written(fd);
	status = vault_begin_with_reader(&capture->vault, state_directory);
	if (!status) {
		text_copy(request.operation, sizeof(request.operation), operation);
		text_copy(request.why, sizeof(request.why), why);
		status = vault_ask(&capture->vault, VAULT_OPEN, &request, sizeof(request), fd,
				   &OPENED, path, &answer);
	}
	if (!status)
		capture->socket = message_take_fd(&answer, 0);
	else
		opened_capture_close(capture);
	close(fd);
	return status;
}

int opened_capture_ask(struct opened_capture *capture, const json_t *question, json_t **answer)
{
	json_t *whole = json_copy((json_t *)question);
	if (capture->filter)
		json_object_set(whole, "filter", capture->filter);
	char *text = json_dumps(whole, JSON_COMPACT), *reply = NULL;
	size_t size = 0;
	int err = text ? frame_send(capture->socket, text, strlen(text)) : -ENOMEM;
	json_error_t error;

	json_decref(whole);
	free(text);
	if (!err)
		err = frame_recv(capture->socket, ANSWER_MAX, &reply, &size);
	if (err == -EPIPE)
		return command_fail(EXIT_FAILED,
				    "%s: the reader died over it; it is either damaged in "
				    "a way that was not foreseen, or larger than memory",
				    capture->path);
	if (err)
		return command_fail(EXIT_FAILED, "the reader cannot be asked: %s", strerror(-err));
	*answer = json_loadb(reply, size, 0, &error);
	free(reply);
	if (!*answer)
		return command_fail(EXIT_FAILED, "the reader's answer is not JSON: %s", error.text);
	const char *what = json_string_value(json_object_get(*answer, "error"));
	if (!what)
		return EXIT_DONE;
	json_int_t status = json_integer_value(json_object_get(*answer, "exit"));
	command_fail(EXIT_FAILED, "%s: %s", capture->path, what);
	json_decref(*answer);
	return status > 0 && status < 126 ? (int)status : EXIT_FAILED;
}

void opened_capture_close(struct opened_capture *capture)
{
	io_close(&capture->socket);
	worker_finish(&capture->vault);
}
