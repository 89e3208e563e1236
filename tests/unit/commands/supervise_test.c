// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/supervise.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LOOKS 10 /* more than any worker is given */

/* A worker that does what ends with its socket. */
static void begin(struct worker_process *worker)
{
	int pair[2];
	char byte;

	*worker = (struct worker_process)WORKER_PROCESS_NONE;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	worker->pid = fork();
	assert_true(worker->pid >= 0);
	if (worker->pid == 0) {
		close(pair[0]);
		_exit(read(pair[1], &byte, 1) == 1 ? byte : 0);
	}
	close(pair[1]);
	worker->socket = pair[0];
	worker->pidfd = (int)syscall(SYS_pidfd_open, worker->pid, 0);
	assert_true(worker->pidfd >= 0);
}

static void send_signal(struct worker_process *worker, int signal, int event)
{
	siginfo_t info;

	assert_int_equal(kill(worker->pid, signal), 0);
	/* it has come, and is left for whoever looks */
	assert_int_equal(waitid(P_PID, (id_t)worker->pid, &info, event | WNOWAIT), 0);
}

static void one_that_runs_is_let_be(void **state)
{
	struct worker_process worker;

	(void)state;
	begin(&worker);
	for (int i = 0; i < LOOKS; i++)
		supervise_look(&worker);
	assert_null(worker.killed_for);
	assert_false(supervise_has_failed(&worker));
	supervise_finish(&worker);
	assert_null(worker.killed_for);
	assert_int_equal(worker.pid, 0);
}

static void one_that_is_stopped_is_killed_after_some_looks(void **state)
{
	char text[SUPERVISE_TEXT_MAX];
	struct worker_process worker;

	(void)state;
	begin(&worker);
	send_signal(&worker, SIGSTOP, WSTOPPED);
	supervise_look(&worker);
	assert_null(worker.killed_for);
	for (int i = 0; i < LOOKS; i++)
		supervise_look(&worker);
	assert_non_null(strstr(supervise_fate(&worker, text), "was stopped"));
	assert_true(supervise_has_failed(&worker));
	supervise_finish(&worker);
}

static void one_that_goes_on_is_let_be(void **state)
{
	struct worker_process worker;

	(void)state;
	begin(&worker);
	for (int i = 0; i < LOOKS; i++) {
		send_signal(&worker, SIGSTOP, WSTOPPED);
		supervise_look(&worker);
		send_signal(&worker, SIGCONT, WCONTINUED);
		supervise_look(&worker);
	}
	/* and where it went on before anybody looked */
	send_signal(&worker, SIGSTOP, WSTOPPED);
	send_signal(&worker, SIGCONT, WCONTINUED);
	for (int i = 0; i < LOOKS; i++)
		supervise_look(&worker);
	assert_null(worker.killed_for);
	supervise_finish(&worker);
	assert_null(worker.killed_for);
}

static void it_is_told_how_one_ended(void **state)
{
	char text[SUPERVISE_TEXT_MAX];
	struct worker_process worker;

	(void)state;
	begin(&worker);
	kill(worker.pid, SIGKILL);
	assert_string_equal(supervise_fate(&worker, text), "was killed by signal 9 (Killed)");
	supervise_finish(&worker);
	begin(&worker);
	assert_int_equal(write(worker.socket, "\3", 1), 1);
	assert_string_equal(supervise_fate(&worker, text), "ended with status 3");
	assert_true(supervise_has_failed(&worker));
	supervise_finish(&worker);
	/* a service is nobody's child */
	assert_string_equal(supervise_fate(&worker, text), "hung up");
}

static void one_that_is_stopped_does_not_hold_the_end_up(void **state)
{
	struct worker_process worker;

	(void)state;
	begin(&worker);
	send_signal(&worker, SIGSTOP, WSTOPPED);
	supervise_finish(&worker);
	assert_int_equal(worker.pid, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_runs_is_let_be),
		cmocka_unit_test(one_that_is_stopped_is_killed_after_some_looks),
		cmocka_unit_test(one_that_goes_on_is_let_be),
		cmocka_unit_test(it_is_told_how_one_ended),
		cmocka_unit_test(one_that_is_stopped_does_not_hold_the_end_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
