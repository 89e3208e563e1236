// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/open.h"

#include "base/frame.h"
#include "base/io.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/unlock.h"
#include "commands/vault_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
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

/* Gives a passphrase to a vault that wants one: its own, or the capture's. */
static int unlock(const struct open_request *request, struct worker_process *vault,
		  const struct vault_locked *locked)
{
	if (locked->was_wrong) {
		int status = command_fail(EXIT_PERMISSION, "%s: the passphrase is wrong",
					  request->path);
		if (!unlock_again())
			return status;
	}
	return unlock_vault(vault, locked->is_subject ? request->path : UNLOCK_HOST);
}

/* Until it is opened, or refused: on the way there, the vault may want a passphrase, or the age
 * program. */
static int ask(const struct open_request *request, struct worker_process *vault,
	       const struct vault_open *body, int fd, struct message *answer)
{
	static const struct message_rule RULES[] = {
		{ VAULT_OPENED, sizeof(struct vault_opened), 1 },
		{ MESSAGE_FAILURE, sizeof(struct failure), 0 },
		{ VAULT_LOCKED, sizeof(struct vault_locked), 0 },
		{ VAULT_AGE, sizeof(struct vault_age), 1 },
	};
	bool is_asked = false;
	int status = EXIT_DONE;

	while (!status) {
		status = is_asked ? vault_hear(vault, RULES, 4, answer)
				  : vault_ask_any(vault, VAULT_OPEN, body, sizeof(*body), &fd, 1,
						  RULES, 4, answer);
		is_asked = !status && answer->type == VAULT_AGE;
		if (is_asked)
			status = opener_run_age(request->opener, answer, fd);
		else if (!status && answer->type == VAULT_LOCKED)
			status = unlock(request, vault, (const void *)answer->body);
		else
			break;
	}
	return !status && answer->type == MESSAGE_FAILURE
		       ? command_worker_failed((struct failure *)answer->body, request->path)
		       : status;
}

/* Who it is that recorded it, nobody but the reader can tell. */
static void tell_host(const struct open_request *request, const struct vault_opened *opened)
{
	char key[2 * sizeof(opened->host_pk) + 1];

	if (!opened->is_foreign || request->opener->host_key)
		return;
	command_fail(EXIT_DONE,
		     "%s: was recorded by a host whose key is %s; --host-key checks that it is the "
		     "one you think of",
		     request->path, text_hex(key, opened->host_pk, sizeof(opened->host_pk)));
}

int open_capture(const struct open_request *request, struct opened_capture *capture)
{
	static struct message answer;
	struct vault_open body = { 0 };
	int fd;
	int status = open_file(request->path, &fd);

	*capture = (struct opened_capture) { .path = request->path,
					     .socket = -1,
					     .vault = WORKER_PROCESS_NONE };
	if (status)
		return status;
	capture->is_written = open_is_written(fd);
	status = vault_begin_with_reader(&capture->vault, request->state_directory,
					 opener_has_own_vault(request->opener));
	text_copy(body.operation, sizeof(body.operation), request->operation);
	text_copy(body.why, sizeof(body.why), request->why);
	if (!status)
		status = opener_bring(request->opener, &capture->vault, &body);
	if (!status)
		status = ask(request, &capture->vault, &body, fd, &answer);
	if (!status) {
		capture->socket = message_take_fd(&answer, 0);
		tell_host(request, (const void *)answer.body);
	} else {
		opened_capture_close(capture);
	}
	close(fd);
	return status;
}

/* Whoever was to read what will be printed may leave before it is there: this ends as it would over
 * the printing, and the reader with it, rather than read the capture to the end for nobody. */
static void await_answer(const struct opened_capture *capture)
{
	struct pollfd fds[] = { { .fd = capture->socket, .events = POLLIN },
				{ .fd = STDOUT_FILENO } };

	while (capture->is_for_output && poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (!fds[0].revents && (fds[1].revents & POLLERR))
		raise(SIGPIPE);
}

int opened_capture_ask(struct opened_capture *capture, const json_t *question, json_t **answer)
{
	json_t *whole = json_copy((json_t *)question);
	if (capture->filter)
		json_object_set(whole, "filter", capture->filter);
	if (capture->read)
		json_object_set_new(whole, "read", json_string(capture->read));
	char *text = json_dumps(whole, JSON_COMPACT), *reply = NULL;
	size_t size = 0;
	int err = text ? frame_send(capture->socket, text, strlen(text)) : -ENOMEM;
	json_error_t error;

	json_decref(whole);
	free(text);
	if (!err)
		await_answer(capture);
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
