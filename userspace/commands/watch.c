// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/io.h"
#include "base/message.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/vault_client.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/wait.h>
#include <unistd.h>

enum option_key {
	KEY_READY_FD = 256
};

static const struct argp_option OPTIONS[] = {
	{ "alert", 'x', "PROGRAM", 0,
	  "run it for each opening: PROGRAM PATH PID UID EXE; without a shell, one at a time", 0 },
	{ "quiet", 'q', NULL, 0, "print nothing; it is on record all the same", 0 },
	{ "ready-fd", KEY_READY_FD, "N", 0,
	  "write a newline to descriptor N when everything is watched", 0 },
	{ "state-dir", 'S', "DIR", 0, "where keys and audit log are (default /var/lib/heaptrail)",
	  0 },
	{ 0 },
};

struct arguments {
	const char *state_directory, *alert;
	char **directories;
	int ready_fd;
	bool is_quiet;
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'x':
		if (value[0] != '/')
			argp_error(state, "--alert: an absolute path, not %s", value);
		arguments->alert = value;
		return 0;
	case 'q': arguments->is_quiet = true; return 0;
	case KEY_READY_FD: arguments->ready_fd = atoi(value); return 0;
	case 'S': arguments->state_directory = value; return 0;
	case ARGP_KEY_ARGS: arguments->directories = state->argv + state->next; return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"[DIRECTORY...]",
	"Watches directories with captures: whoever opens a file there, by `cat', `cp' or any other program, is on record as "
	"`file.open' (heaptrail audit show). Default: captures/ in the state directory. Runs until it is stopped.",
	NULL,
	NULL,
	NULL
};

/* The kernel asks before anybody gets a file of these directories. An exit status. */
static int begin(char **directories, int *group)
{
	*group = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC | O_LARGEFILE);
	if (*group < 0)
		return command_fail(EXIT_PERMISSION, "files cannot be watched: %s%s",
				    strerror(errno), errno == EPERM ? "; run as root" : "");
	for (; *directories; directories++)
		if (fanotify_mark(*group, FAN_MARK_ADD | FAN_MARK_ONLYDIR,
				  FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, AT_FDCWD, *directories))
			return command_fail(EXIT_FAILED, "%s: cannot be watched: %s", *directories,
					    strerror(errno));
	return EXIT_DONE;
}

static void alert(const char *program, const struct file_opened *opened)
{
	char pid[16], uid[16];
	pid_t child;

	snprintf(pid, sizeof(pid), "%u", opened->pid);
	snprintf(uid, sizeof(uid), "%u", opened->uid);
	child = fork();
	if (child == 0) {
		char *const argv[] = {
			(char *)program, (char *)opened->path, pid, uid, (char *)opened->exe, NULL
		};
		execv(program, argv);
		_exit(127);
	}
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static int tell(const struct arguments *arguments, struct worker_process *vault,
		struct file_opened *opened)
{
	static const struct message_rule NOTED = { VAULT_NOTED, 0, 0 };
	static struct message answer;
	char path[1024], exe[1024];

	opened->path[sizeof(opened->path) - 1] = opened->exe[sizeof(opened->exe) - 1] = 0;
	int status = vault_ask(vault, VAULT_SEEN, opened, sizeof(*opened), -1, &NOTED, NULL,
			       &answer);
	if (!status && !arguments->is_quiet) {
		printf("%s: opened by pid %u, uid %u, %s\n",
		       text_safe(path, sizeof(path), opened->path, strlen(opened->path)),
		       opened->pid, opened->uid,
		       text_safe(exe, sizeof(exe), opened->exe, strlen(opened->exe)));
		fflush(stdout);
	}
	if (!status && arguments->alert)
		alert(arguments->alert, opened);
	return status;
}

static int watch(const struct arguments *arguments, struct worker_process *watcher,
		 struct worker_process *vault)
{
	static const struct message_rule RULES[] = {
		{ WATCHER_OPENED, sizeof(struct file_opened), 0 },
		{ MESSAGE_FAILURE, sizeof(struct failure), 0 }
	};
	static struct message message;
	int status = EXIT_DONE;

	while (!status) {
		struct file_opened opened;
		if (message_recv(watcher->socket, RULES, 2, &message))
			return command_fail(EXIT_FAILED,
					    "the watcher died; nothing is watched any more");
		if (message.type == MESSAGE_FAILURE)
			return command_worker_failed((struct failure *)message.body, NULL);
		memcpy(&opened, message.body, sizeof(opened));
		status = tell(arguments, vault, &opened);
	}
	return status;
}

int watch_main(int argc, char **argv)
{
	struct arguments arguments = { .ready_fd = -1 };
	struct worker_process watcher = WORKER_PROCESS_NONE, vault = WORKER_PROCESS_NONE;
	char captures[PATH_MAX], *defaults[] = { captures, NULL };
	int group = -1;

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	const char *directory = command_state_directory(arguments.state_directory);
	snprintf(captures, sizeof(captures), "%s/captures", directory);
	int status = vault_begin(&vault, directory);
	if (!status)
		status = begin(arguments.directories ? arguments.directories : defaults, &group);
	if (!status && worker_start("watcher", &watcher))
		status = command_fail(EXIT_FAILED,
				      "the worker heaptrail-watcher cannot be started");
	if (!status && message_send(watcher.socket, WATCHER_START, NULL, 0, &group, 1))
		status = command_fail(EXIT_FAILED, "the watcher is gone");
	/* only the watcher answers: were we to hold the group, nobody would go on when it dies */
	io_close(&group);
	if (!status && arguments.ready_fd >= 0 && write(arguments.ready_fd, "\n", 1) != 1)
		command_fail(EXIT_FAILED, "--ready-fd %d: %s", arguments.ready_fd, strerror(errno));
	if (!status)
		status = watch(&arguments, &watcher, &vault);
	worker_finish(&watcher);
	worker_finish(&vault);
	return status;
}
