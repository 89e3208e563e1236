// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An open can hang: on a file system whose server is dead it does so for ever, and not even SIGKILL
 * ends it. So a child opens, with the same rights, and where it does not answer in time another
 * takes its place. The one left behind ends when the kernel lets it: what it then says, nobody
 * hears.
 */
#include "base/io.h"
#include "workers/resolver.h"
#include "workers/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX_MS 1000
#define PATIENCE      8	 /* answers that took longer, before all must be quick */
#define IMPATIENT_MS  50 /* a target may mount as many dead file systems as it likes */

struct attendant {
	int pidfd, socket;
};

static _Noreturn void attend(int socket)
{
	static struct message message;
	int err;

	close(WORKER_SOCKET);
	do {
		err = message_recv(socket, RESOLVER_REQUESTS, RESOLVER_REQUEST_COUNT, &message);
		if (!err)
			err = resolver_answer(socket, &message);
	} while (!err);
	_exit(err == -EPIPE ? 0 : 1);
}

static int attendant_start(struct attendant *attendant)
{
	int pair[2];
	int err = message_pair(pair);

	if (err)
		return err;
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		attend(pair[1]);
	}
	err = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (err) {
		close(pair[0]);
		return err;
	}
	attendant->socket = pair[0];
	attendant->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return 0;
}

static void attendant_leave(struct attendant *attendant)
{
	if (attendant->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, attendant->pidfd, SIGKILL, NULL, 0);
	io_close(&attendant->pidfd);
	io_close(&attendant->socket);
}

/* The request becomes its answer. */
static int ask(const struct attendant *attendant, struct message *message, int wait_ms)
{
	static const struct message_rule ANSWERS[] = {
		{ RESOLVER_FILE, 0, 1 },
		{ RESOLVER_IDENTITY, sizeof(struct tracer_target), 1 },
		{ MESSAGE_FAILURE, sizeof(struct failure), 0 },
	};
	struct pollfd answer = { .fd = attendant->socket, .events = POLLIN };
	int err = message_send(attendant->socket, message->type, message->body, message->size,
			       message->fds, message->fd_count);

	message_close_fds(message);
	if (err)
		return err;
	int ready = poll(&answer, 1, wait_ms);
	if (ready <= 0)
		return ready ? -errno : -ETIMEDOUT;
	return message_recv(attendant->socket, ANSWERS, 3, message);
}

int resolver_attend(void)
{
	static struct message message;
	struct attendant attendant;
	unsigned late_count = 0;
	int err = attendant_start(&attendant);

	while (!err) {
		err = message_recv(WORKER_SOCKET, RESOLVER_REQUESTS, RESOLVER_REQUEST_COUNT,
				   &message);
		if (err)
			break;
		int failed = ask(&attendant, &message,
				 late_count < PATIENCE ? ANSWER_MAX_MS : IMPATIENT_MS);
		if (!failed) {
			err = message_send(WORKER_SOCKET, message.type, message.body, message.size,
					   message.fds, message.fd_count);
			message_close_fds(&message);
			continue;
		}
		late_count += failed == -ETIMEDOUT;
		attendant_leave(&attendant);
		while (waitpid(-1, NULL, WNOHANG) > 0) /* those left behind */
			;
		worker_refuse(WORKER_SOCKET, 1, -failed, "%s", strerror(-failed));
		err = attendant_start(&attendant);
	}
	return err;
}
