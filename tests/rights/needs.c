// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * needs TRACER UID [CAPABILITY...]: starts the tracer as a service manager does, as a user with
 * these ambient capabilities and none beside them, has it load its programs, and prints what it
 * says: "ready MODE" (exit status 0), or "failed STATUS: WHY" (that with which it ends).
 */
#include "base/message.h"
#include "workers/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static void take_rights(uid_t uid, int count, char **names)
{
	cap_t caps = cap_init();
	cap_value_t values[8];

	for (int i = 0; i < count && i < 8; i++)
		if (cap_from_name(names[i], &values[i]))
			die(names[i]);
	if (count && (cap_set_flag(caps, CAP_PERMITTED, count, values, CAP_SET) ||
		      cap_set_flag(caps, CAP_INHERITABLE, count, values, CAP_SET)))
		die("capabilities");
	for (cap_value_t cap = 0; cap_get_bound(cap) >= 0; cap++) {
		cap_flag_value_t is_kept;
		/* what is not in it cannot become ambient */
		if (cap_get_flag(caps, cap, CAP_PERMITTED, &is_kept) ||
		    (!is_kept && cap_drop_bound(cap)))
			die("the bounding set");
	}
	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) || cap_set_proc(caps))
		die("another user");
	for (int i = 0; i < count; i++)
		if (cap_set_ambient(values[i], CAP_SET))
			die("ambient capabilities");
	cap_free(caps);
}

int main(int argc, char **argv)
{
	static const struct message_rule RULES[] = {
		{ TRACER_READY, sizeof(struct tracer_ready), 2 },
		{ MESSAGE_FAILURE, sizeof(struct failure), 0 },
	};
	static struct message answer;
	struct tracer_start start = { .ring_bytes = 1 << 20, .target_pid = (uint32_t)getpid() };
	int pair[2], stream[2], status, null = open("/dev/null", O_RDWR);

	if (argc < 3 || null < 0 || message_pair(pair) || pipe(stream))
		die("needs TRACER UID [CAPABILITY...]");
	pid_t pid = fork();
	if (pid == 0) {
		/* opened by root: the folder may be nobody else's */
		int program = open(argv[1], O_PATH | O_CLOEXEC);
		if (program < 0 || dup2(pair[1], WORKER_SOCKET) < 0)
			die(argv[1]);
		take_rights((uid_t)strtoul(argv[2], NULL, 10), argc - 3, argv + 3);
		fexecve(program, argv + 1, (char *[]) { NULL });
		die(argv[1]);
	}
	close(pair[1]);
	int fds[5] = { null, null, stream[1], null, null };
	/* one that has ended by now has said why */
	int err = message_send(pair[0], TRACER_START, &start, sizeof(start), fds, 5);
	if (!err || err == -EPIPE)
		err = message_recv(pair[0], RULES, 2, &answer);
	if (!err && answer.type == TRACER_READY)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (err)
		printf("hung up: %s\n", strerror(-err));
	else if (answer.type == TRACER_READY)
		printf("ready %s\n", ((struct tracer_ready *)answer.body)->mode);
	else
		printf("failed %d: %s\n", ((struct failure *)answer.body)->exit_status,
		       ((struct failure *)answer.body)->what);
	return answer.type == TRACER_READY ? 0 : WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
