// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Recording without root: the recording service does what record would do, and writes to our
 * standard output and error. A command is ours all the same: it runs with our rights, in our place.
 */
#include "base/io.h"
#include "commands/command.h"
#include "commands/record_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SERVICE_SOCKET "/run/heaptrail/record.sock"

static struct message message;

/* The options as they are, without the command but its name. */
static int pack_arguments(struct record_request *request, const struct record_options *options,
			  int argc, char **argv)
{
	int count = options->command ? (int)(options->command - argv) + 1 : argc;

	for (int i = 1; i < count; i++) {
		size_t size = strlen(argv[i]) + 1;
		if (size > sizeof(request->arguments) - request->size)
			return command_fail(EXIT_MISUSED,
					    "too many arguments for the recording service");
		memcpy(request->arguments + request->size, argv[i], size);
		request->size += (uint32_t)size;
	}
	return EXIT_DONE;
}

static int gone(void)
{
	return command_fail(
		EXIT_FAILED,
		"the recording service ended; what it had written is readable up to its last chunk");
}

/* The status of whatever answers. */
static int await(int service, enum message_type type)
{
	const struct message_rule rules[] = { { RECORD_DONE, sizeof(struct record_status), 0 },
					      { type, sizeof(struct record_status), 0 } };

	if (message_recv(service, rules, 2, &message))
		return gone();
	return ((const struct record_status *)message.body)->exit_status;
}

/* The command stands still: probes go where it has mapped code. */
static int scan(void *context, pid_t pid)
{
	int service = *(int *)context;

	(void)pid;
	if (message_send(service, RECORD_SCAN, NULL, 0, NULL, 0))
		return gone();
	return await(service, RECORD_SCANNED);
}

/* Until the service says how it went; ^C is passed on. */
static int attend(int service, int signals)
{
	struct signalfd_siginfo info;

	for (;;) {
		struct pollfd polls[] = { { .fd = service, .events = POLLIN },
					  { .fd = signals, .events = POLLIN } };
		if (poll(polls, 2, -1) < 0)
			continue;
		if (polls[0].revents)
			return await(service, RECORD_DONE);
		if (read(signals, &info, sizeof(info)) == sizeof(info))
			(void)message_send(service, RECORD_STOP, NULL, 0, NULL, 0);
	}
}

static int block_signals(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &mask, SFD_CLOEXEC);
}

static int ask(int service, const struct record_options *options, int argc, char **argv,
	       struct launch *launch)
{
	struct record_request request = { 0 };
	int fds[3] = { STDOUT_FILENO, STDERR_FILENO,
		       options->ready_fd >= 0 ? options->ready_fd : STDOUT_FILENO };
	int signals = block_signals();
	int status = pack_arguments(&request, options, argc, argv);

	if (!status && options->command)
		status = launch_prepare(launch, options->command);
	if (status)
		return status;
	request.pid = (uint32_t)launch->pid;
	/* one that has ended by now has said why */
	int err = message_send(service, RECORD_START, &request, sizeof(request), fds, 3);
	if (err)
		return err == -EPIPE ? gone()
				     : command_fail(EXIT_FAILED, "the recording service: %s",
						    strerror(-err));
	if (options->command) {
		status = launch_run(launch, scan, &service);
		if (!status && message_send(service, RECORD_RUNNING, NULL, 0, NULL, 0))
			status = gone();
	}
	return status ? status : attend(service, signals);
}

int record_by_service(const struct record_options *options, int argc, char **argv)
{
	const char *path = getenv("HEAPTRAIL_RECORD");
	struct worker_process service = WORKER_PROCESS_NONE;
	struct launch launch = { 0 };
	int err = worker_connect(path && *path ? path : SERVICE_SOCKET, &service);

	if (err)
		return command_fail(
			EXIT_PERMISSION,
			"recording needs root, or the recording service (%s); try sudo: probes are the "
			"kernel's, and other processes' mappings are not yours",
			err == -EACCES ? "for members of the group heaptrail" : strerror(-err));
	int status = ask(service.socket, options, argc, argv, &launch);
	io_close(&service.socket);
	launch_finish(&launch);
	return status;
}
