// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/supervise.h"

#include "base/io.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define STOPPED_LOOKS_MAX 3
#define FINISH_LOOKS_MAX  30 /* the vault may have a slow disk, the tracer many names */
#define FATE_MS		  2000
#define ENDING_MS	  100

void supervise_kill(struct worker_process *worker, const char *why)
{
	if (worker->killed_for)
		return;
	/* a service's is not ours to kill: it ends without us, and we go on without it */
	if (worker->pid <= 0 && worker->socket >= 0) {
		worker->killed_for = why;
		shutdown(worker->socket, SHUT_RDWR);
	}
	if (worker->pid <= 0)
		return;
	worker->killed_for = why;
	kill(worker->pid, SIGKILL);
}

void supervise_look(struct worker_process *worker)
{
	siginfo_t info;

	if (worker->pid <= 0)
		return;
	/* what has happened since the last look, in order */
	for (;;) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)worker->pid, &info, WSTOPPED | WCONTINUED | WNOHANG) ||
		    !info.si_pid)
			break;
		worker->is_stopped = info.si_code == CLD_STOPPED;
	}
	worker->stopped_looks = worker->is_stopped ? worker->stopped_looks + 1 : 0;
	if (worker->stopped_looks > STOPPED_LOOKS_MAX)
		supervise_kill(worker, "was stopped, did not go on, and was killed");
}

/* False: it has not ended after so long. */
static bool get_end(const struct worker_process *worker, int wait_ms, siginfo_t *info)
{
	struct pollfd end = { .fd = worker->pidfd, .events = POLLIN };

	info->si_pid = 0;
	if (worker->pid <= 0)
		return false;
	(void)poll(&end, 1, wait_ms);
	return waitid(P_PID, (id_t)worker->pid, info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info->si_pid;
}

bool supervise_has_failed(const struct worker_process *worker)
{
	siginfo_t info;

	return get_end(worker, ENDING_MS, &info) &&
	       (info.si_code != CLD_EXITED || info.si_status != 0);
}

const char *supervise_fate(const struct worker_process *worker, char text[SUPERVISE_TEXT_MAX])
{
	siginfo_t info;

	snprintf(text, SUPERVISE_TEXT_MAX, "%s",
		 worker->killed_for ? worker->killed_for : "hung up");
	/* its socket ends a little before it does */
	if (worker->killed_for || !get_end(worker, FATE_MS, &info))
		return text;
	if (info.si_code == CLD_EXITED)
		snprintf(text, SUPERVISE_TEXT_MAX, "ended with status %d", info.si_status);
	else
		snprintf(text, SUPERVISE_TEXT_MAX, "was killed by signal %d (%s)", info.si_status,
			 strsignal(info.si_status));
	return text;
}

void supervise_finish(struct worker_process *worker)
{
	struct pollfd end = { .fd = worker->pidfd, .events = POLLIN };

	io_close(&worker->socket);
	/* without a pidfd it is not known when to stop waiting */
	if (worker->pid <= 0 || worker->pidfd < 0) {
		worker_finish(worker);
		return;
	}
	for (unsigned i = 0; poll(&end, 1, SUPERVISE_LOOK_MS) == 0 && !worker->killed_for; i++) {
		supervise_look(worker);
		if (i >= FINISH_LOOKS_MAX)
			supervise_kill(worker, "did not end, and was killed");
	}
	if (poll(&end, 1, FATE_MS) > 0)
		worker_finish(worker);
	io_close(&worker->pidfd);
	worker->pid = 0;
}
