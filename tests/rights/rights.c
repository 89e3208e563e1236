// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rights: confines itself as each worker does, by the same function and the same policies, and
 * tries from inside what must not be possible. A call that the filter forbids ends the process:
 * each is tried by a process of its own.
 *
 * Of each policy:
 * - every attempt of the table ends as its row says, so that a policy that is widened fails here
 *   until the row is changed, too;
 * - every other call of this machine's that the policy does not name kills;
 * - every call that it names has a row, or is harmless.
 */
#include "attempts.h"

#include "workers/policy.h"
#include "workers/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL_MAX   512 /* more than there are */
#define PATIENCE_S 10

/* How an attempt ended, of those that the filter lets pass: 0, or errno. */
enum {
	KILLED = -1,
	DIED = -2, /* otherwise */
};

static char directory[] = "/tmp/heaptrail-rights.XXXXXX";
static unsigned failures;

static void put(int fd, int number)
{
	if (fd < 0 || dup2(fd, number) < 0) {
		perror("rights: what attempts are made on");
		_exit(DIED);
	}
	if (fd != number)
		close(fd);
}

/* What a worker would hold if it were given it by mistake, or by a peer that means ill. */
static void hold_descriptors(void)
{
	put(open(".", O_RDONLY | O_DIRECTORY), FOLDER_FD);
	put((int)syscall(SYS_pidfd_open, stranger, 0), STRANGER_FD);
	put(open("/dev/ptmx", O_RDWR | O_NOCTTY), TERMINAL_FD);
	put(socket(AF_UNIX, SOCK_STREAM, 0), STREAM_FD);
	put(socket(AF_UNIX, SOCK_DGRAM, 0), DATAGRAM_FD);
}

/* Policies that a worker takes later: it begins with another. */
static const char *beginning(const char *policy)
{
	return strcmp(policy, "symbolizer-child") == 0 ? "symbolizer"
	       : strcmp(policy, "tracer-perf") == 0    ? "tracer"
						       : policy;
}

/* As the worker does. A child of the symbolizer has what its parent had given it, and its own. */
static void confine(const char *policy)
{
	put(socket(AF_UNIX, SOCK_SEQPACKET, 0), WORKER_SOCKET);
	worker_begin(policy);
	worker_leave_root(beginning(policy));
	int own = open("own", O_PATH | O_DIRECTORY | O_CLOEXEC);
	hold_descriptors();
	alarm(PATIENCE_S);
	if (strcmp(policy, "symbolizer-child") == 0)
		worker_confine("symbolizer");
	worker_confine_to(policy, &own, strcmp(policy, "vault") == 0);
}

static long make(const struct attempt *attempt)
{
	const long *a = attempt->arguments;

	return attempt->make ? attempt->make()
			     : syscall(attempt->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* In a process of its own. */
static int try(const char *policy, const struct attempt *attempt)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		confine(policy);
		_exit(make(attempt) < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return DIED;
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : DIED;
	return WEXITSTATUS(status);
}

static bool names(const char *list, const char *policy)
{
	size_t size = strlen(policy);

	for (const char *at = list; at && (at = strstr(at, policy)); at += size)
		if ((at == list || at[-1] == ' ') && (at[size] == 0 || at[size] == ' '))
			return true;
	return false;
}

static const char *ending(int outcome, char text[64])
{
	if (outcome > 0)
		snprintf(text, 64, "is refused (%s)", strerrorname_np(outcome));
	return outcome == KILLED ? "kills"
	       : outcome == DIED ? "ends otherwise"
	       : outcome == 0	 ? "works"
				 : text;
}

static void fail(const char *policy, const char *call, int outcome, const char *wanted)
{
	char text[64];

	printf("%s: %s: %s, but %s\n", policy, call, ending(outcome, text), wanted);
	failures++;
}

/* Files are as they were before each attempt that may have changed them. */
static void restore_files(void)
{
	unlink("new");
	unlink("own/new");
	unlink("other");
	close(open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
	chmod("file", 0666);
}

static void try_attempt(const char *policy, const struct attempt *attempt, unsigned counts[3])
{
	bool is_refused = names(attempt->refused, policy), works = names(attempt->works, policy);
	int outcome = try(policy, attempt);

	counts[is_refused + 2 * works]++;
	if (works && outcome != 0)
		fail(policy, attempt->name, outcome, "its row says that it works");
	else if (is_refused && outcome <= 0)
		fail(policy, attempt->name, outcome, "its row says that it is refused");
	else if (!works && !is_refused && outcome != KILLED)
		fail(policy, attempt->name, outcome, "no row permits it");
	if (outcome == 0)
		restore_files();
}

static bool policy_has(const struct policy *policy, int number)
{
	for (size_t i = 0; i < policy->syscall_count; i++)
		if (policy->syscalls[i].number == number)
			return true;
	return false;
}

/* -1 is no valid argument of any call that could do harm. */
static unsigned try_others(const struct policy *policy)
{
	unsigned count = 0;

	for (int number = 0; number < CALL_MAX; number++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
		const struct attempt attempt = { name, number, { -1, -1, -1, -1, -1, -1 } };
		if (name && !policy_has(policy, number)) {
			int outcome = try(policy->name, &attempt);
			if (outcome != KILLED)
				fail(policy->name, name, outcome, "the policy does not name it");
			count++;
		}
		free(name);
	}
	return count;
}

static bool is_known(int number)
{
	for (size_t i = 0; i < ATTEMPT_COUNT; i++)
		if (ATTEMPTS[i].number == number)
			return true;
	for (size_t i = 0; i < HARMLESS_COUNT; i++)
		if (HARMLESS[i] == number)
			return true;
	return false;
}

static void check_names(const struct policy *policy)
{
	for (size_t i = 0; i < policy->syscall_count; i++) {
		int number = policy->syscalls[i].number;
		/* negative: not a call of this architecture's */
		if (number < 0 || is_known(number))
			continue;
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
		fail(policy->name, name, 0,
		     "there is no row for it, and it is not called harmless");
		free(name);
	}
}

static void try_policy(const struct policy *policy)
{
	unsigned counts[3] = { 0 };

	for (size_t i = 0; i < ATTEMPT_COUNT; i++)
		try_attempt(policy->name, &ATTEMPTS[i], counts);
	unsigned others = try_others(policy);
	check_names(policy);
	printf("%s: %u attempts: %u kill, %u refused, %u work, as their rows say; "
	       "all %u calls that it does not name kill\n",
	       policy->name, counts[0] + counts[1] + counts[2], counts[0], counts[1], counts[2],
	       others);
	fflush(stdout);
}

static void listen_at(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || chmod(path, 0777) ||
	    (type == SOCK_STREAM && listen(fd, 8)))
		exit(2);
}

static void set_up(void)
{
	if (!mkdtemp(directory) || chdir(directory) || chmod(".", 0777) || mkdir("keys", 0700) ||
	    mkdir("own", 0777) || chmod("own", 0777))
		exit(2);
	close(open("keys/secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	restore_files();
	listen_at("socket", SOCK_STREAM);
	listen_at("datagrams", SOCK_DGRAM);
	stranger = fork();
	if (stranger == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

static void tear_down(void)
{
	kill(stranger, SIGKILL);
	waitpid(stranger, NULL, 0);
	for (const char *const *path =
		     (const char *const[]) { "keys/secret", "file", "socket", "datagrams", NULL };
	     *path; path++)
		unlink(*path);
	rmdir("keys");
	rmdir("own");
	if (chdir("/") || rmdir(directory))
		perror(directory);
}

int main(int argc, char **argv)
{
	/* the program that an attempt runs */
	if (argc > 1 && strcmp(argv[1], "--nothing") == 0)
		return 0;
	if (geteuid() != 0) {
		fprintf(stderr, "rights: workers are started by root\n");
		return 2;
	}
	set_up();
	for (size_t i = 0; i < POLICY_COUNT; i++)
		if (argc < 2 || strcmp(argv[1], POLICIES[i].name) == 0)
			try_policy(&POLICIES[i]);
	tear_down();
	return failures ? 1 : 0;
}
