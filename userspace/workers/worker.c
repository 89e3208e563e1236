// SPDX-License-Identifier: GPL-2.0-or-later
#include "workers/worker.h"

#include "base/message.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *worker_name = "worker";

#ifdef HEAPTRAIL_SANITIZE
/* The leak check attaches to its own process, which worker_begin() forbids. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

void worker_begin(const char *name)
{
	worker_name = name;
	prctl(PR_SET_DUMPABLE, 0);
	close_range(WORKER_SOCKET + 1, ~0U, 0);
	/* A terminal sends ^C to the whole process group, systemd SIGTERM to the whole unit: a
	 * worker ends when its socket ends, after it has finished what it holds. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

static int send_failure(int socket, int exit_status, int error, const char *format, va_list args)
{
	struct failure failure = { .exit_status = exit_status, .error = error };

	vsnprintf(failure.what, sizeof(failure.what), format, args);
	return message_send(socket, MESSAGE_FAILURE, &failure, sizeof(failure), NULL, 0);
}

void worker_fail(int exit_status, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int err = send_failure(WORKER_SOCKET, exit_status, error, format, args);
	va_end(args);
	if (err) {
		va_start(args, format);
		fprintf(stderr, "heaptrail-%s: ", worker_name);
		vfprintf(stderr, format, args);
		fputc('\n', stderr);
		va_end(args);
	}
	exit(exit_status);
}

void worker_refuse(int socket, int exit_status, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	/* A peer that is gone no longer wants to know. */
	(void)send_failure(socket, exit_status, error, format, args);
	va_end(args);
}
