// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/age_program.h"

#include "base/io.h"
#include "base/text.h"
#include "commands/command.h"
#include "keys/recipient.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY	  65534
#define CPU_MAX_S 10
#define SAID_MAX  1024
#define PATH_TEXT "/usr/local/bin:/usr/bin"

static const char *const FOLDERS[] = { "/usr/local/bin", "/usr/bin" };

/* What runs with a capture's key is root's, and nobody else has written it. */
static int find(const char *name, const char *what, char path[static 128])
{
	struct stat st;

	for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(FOLDERS[0]); i++) {
		snprintf(path, 128, "%s/%s", FOLDERS[i], name);
		if (stat(path, &st) || !S_ISREG(st.st_mode))
			continue;
		if (st.st_uid == 0 && !(st.st_mode & 022))
			return EXIT_DONE;
		return command_fail(EXIT_PERMISSION,
				    "%s: others than root may change it, so it gets no key; "
				    "chown root, chmod go-w",
				    path);
	}
	return command_fail(EXIT_FAILED, "%s: needs %s, which is neither in %s nor in %s", what,
			    name, FOLDERS[0], FOLDERS[1]);
}

/* Every right to write that the kernel knows is handled, and given for what is below this path:
 * /dev/null at least, which the program opens. */
static void forbid_writing_but(const char *path)
{
	const struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
				     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
				     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
				     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM
	};
	const struct landlock_path_beneath_attr beneath = {
		.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE,
		.parent_fd = open(path, O_PATH | O_CLOEXEC)
	};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (ruleset < 0)
		return;
	(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
	(void)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

static bool limit(__rlimit_resource_t resource, rlim_t value)
{
	const struct rlimit both = { value, value };

	return setrlimit(resource, &both) == 0;
}

/* No rights that it does not need, and whatever it does is soon over. Ends where that cannot be. */
static void confine(const char *writable)
{
	/* where that is not possible, it has a network */
	(void)unshare(CLONE_NEWNET);
	if (chdir("/") || !limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, 0) ||
	    !limit(RLIMIT_CPU, CPU_MAX_S) || !limit(RLIMIT_NOFILE, 64))
		_exit(126);
	if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
			       setresuid(NOBODY, NOBODY, NOBODY)))
		_exit(126);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		_exit(126);
	forbid_writing_but(writable);
}

static _Noreturn void become(const char *age, const char *recipient, int in, int out, int said)
{
	char *const argv[] = { (char *)"age", (char *)"--encrypt", (char *)"--recipient",
			       (char *)recipient, NULL };
	char *const envp[] = { (char *)"PATH=" PATH_TEXT, (char *)"HOME=/nonexistent", NULL };

	/* without a terminal it asks nobody anything */
	setsid();
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(said, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0))
		_exit(126);
	confine("/dev/null");
	execve(age, argv, envp);
	_exit(126);
}

#define SLOT_FD	  3
#define SLOT_PATH "/proc/self/fd/3"

static _Noreturn void become_opener(const char *age, int identity, int slot, int out, int said)
{
	char *const argv[] = { (char *)"age", (char *)"--decrypt", (char *)"--identity",
			       (char *)"-",   (char *)SLOT_PATH,   NULL };
	char *const envp[] = { (char *)"PATH=" PATH_TEXT, (char *)"HOME=/nonexistent", NULL };
	/* none of them is one of those that are replaced */
	int high_slot = fcntl(slot, F_DUPFD, 16), high_out = fcntl(out, F_DUPFD, 16),
	    high_said = fcntl(said, F_DUPFD, 16);

	if (dup2(identity, STDIN_FILENO) < 0 || dup2(high_out, STDOUT_FILENO) < 0 ||
	    dup2(high_said, STDERR_FILENO) < 0 || dup2(high_slot, SLOT_FD) < 0 ||
	    close_range(SLOT_FD + 1, ~0U, 0))
		_exit(126);
	confine("/dev");
	execve(age, argv, envp);
	_exit(126);
}

bool age_program_is_needed(const char *text)
{
	struct recipient recipient;

	return recipient_parse(text, &recipient) == 0 && recipient.kind == RECIPIENT_PLUGIN;
}

static void close_pipes(int pipes[static 3][2])
{
	for (int i = 0; i < 3; i++) {
		io_close(&pipes[i][0]);
		io_close(&pipes[i][1]);
	}
}

int age_program_start(struct age_program *program, const char *recipient)
{
	char age[128], plugin[128], name[RECIPIENT_TEXT_MAX + 16];
	int pipes[3][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } }; /* in, out, said */

	*program = (struct age_program)AGE_PROGRAM_NONE;
	snprintf(name, sizeof(name), "age-plugin-");
	recipient_plugin(recipient, name + strlen(name));
	int status = find("age", recipient, age);
	if (!status)
		status = find(name, recipient, plugin);
	if (status)
		return status;
	for (int i = 0; i < 3 && program->pid >= 0; i++)
		if (pipe2(pipes[i], O_CLOEXEC))
			program->pid = -1;
	if (program->pid == 0)
		program->pid = fork();
	if (program->pid == 0)
		become(age, recipient, pipes[0][0], pipes[1][1], pipes[2][1]);
	if (program->pid < 0) {
		close_pipes(pipes);
		program->pid = 0;
		return command_fail(EXIT_FAILED, "age cannot be started: %s", strerror(errno));
	}
	program->pipes[0] = pipes[0][1];
	program->pipes[1] = pipes[1][0];
	program->said = pipes[2][0];
	close(pipes[0][0]);
	close(pipes[1][1]);
	close(pipes[2][1]);
	return EXIT_DONE;
}

void age_program_hand_over(struct age_program *program)
{
	io_close(&program->pipes[0]);
	io_close(&program->pipes[1]);
}

/* Line by line, made safe to show: a plugin says what it likes. */
static void tell(int said)
{
	char text[SAID_MAX + 1], safe[2 * SAID_MAX];
	ssize_t n = fcntl(said, F_SETFL, O_NONBLOCK) ? -1 : read(said, text, SAID_MAX);

	text[n > 0 ? n : 0] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		fprintf(stderr, "%s\n", text_safe(safe, sizeof(safe), line, strlen(line)));
}

/* What it says, while it runs: that a key is to be touched, say. */
static void attend(pid_t pid, int said)
{
	struct pollfd polls[2] = { { .fd = said, .events = POLLIN },
				   { .fd = (int)syscall(SYS_pidfd_open, pid, 0),
				     .events = POLLIN } };

	while (polls[1].fd >= 0 && (poll(polls, 2, -1) >= 0 || errno == EINTR)) {
		if (polls[0].revents & POLLIN)
			tell(said);
		else if (polls[1].revents)
			break;
		else if (polls[0].revents)
			polls[0].fd = -1;
	}
	io_close(&polls[1].fd);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int age_program_open(const char *what, const char *plugin, int identity, int slot, int out)
{
	char age[128], path[128], name[RECIPIENT_TEXT_MAX + 16];
	int said[2], status = find("age", what, age);

	snprintf(name, sizeof(name), "age-plugin-%s", plugin);
	if (!status && *plugin)
		status = strchr(plugin, '/') ? EXIT_FAILED : find(name, what, path);
	if (status)
		return status;
	pid_t pid = pipe2(said, O_CLOEXEC) ? -1 : fork();
	if (pid == 0)
		become_opener(age, identity, slot, out, said[1]);
	if (pid < 0)
		return command_fail(EXIT_FAILED, "age cannot be started: %s", strerror(errno));
	close(said[1]);
	attend(pid, said[0]);
	close(said[0]);
	return EXIT_DONE;
}

void age_program_finish(struct age_program *program)
{
	if (program->pid <= 0)
		return;
	age_program_hand_over(program);
	/* its plugin is in its session */
	kill(-program->pid, SIGKILL);
	kill(program->pid, SIGKILL);
	while (waitpid(program->pid, NULL, 0) < 0 && errno == EINTR)
		;
	tell(program->said);
	io_close(&program->said);
	program->pid = 0;
}
