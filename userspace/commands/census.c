// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/census.h"

#include "base/io.h"
#include "base/message.h"
#include "commands/command.h"
#include "commands/supervise.h"
#include "workers/protocol.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAIT_MS	    6000
#define LEAVE_MS    100
#define PATIENCE_NS 2000000000 /* for all of a heap; more than that is not read */

enum outcome {
	TAKEN,
	NOT_TAKEN,
	DIED,
};

static const char *const FILES[] = { "mem", "maps", "smaps_rollup" };

#define FILE_COUNT (sizeof(FILES) / sizeof(FILES[0]))

static int open_file(uint32_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/*
 * A page of the other's memory may never come: whoever counts is then given up. Not even its end is
 * waited for, as it may hang in the kernel; it is reaped by whoever adopts it.
 */
static bool is_answered(struct worker_process *worker)
{
	struct pollfd answer = { .fd = worker->socket, .events = POLLIN };

	if (poll(&answer, 1, WAIT_MS) > 0)
		return true;
	supervise_kill(worker, "gave no answer, and was killed");
	return false;
}

/* Whoever counts is forgotten, and the next who is asked is another. */
static void leave(struct worker_process *worker)
{
	struct pollfd end = { .fd = worker->pidfd, .events = POLLIN };

	if (poll(&end, 1, LEAVE_MS) > 0)
		worker_finish(worker);
	io_close(&worker->socket);
	io_close(&worker->pidfd);
	worker->pid = 0;
}

static enum outcome ask(struct worker_process *worker, enum message_type type, const void *request,
			size_t size, const int *fds, size_t fd_count, struct census *census)
{
	static const struct message_rule RULES[] = { { CENSUS_REPLY, sizeof(struct census), 0 },
						     { MESSAGE_FAILURE, sizeof(struct failure),
						       0 } };
	static struct message message;

	if (message_send(worker->socket, type, request, size, fds, fd_count) ||
	    !is_answered(worker) || message_recv(worker->socket, RULES, 2, &message))
		return DIED;
	if (message.type != CENSUS_REPLY)
		return NOT_TAKEN;
	memcpy(census, message.body, sizeof(*census));
	return TAKEN;
}

static enum outcome take_by_child(struct worker_process *worker, uint32_t pid, int process,
				  struct census *census)
{
	const struct census_request request = { .patience_ns = PATIENCE_NS };
	struct pollfd end = { .fd = process, .events = POLLIN };
	int fds[FILE_COUNT];
	bool is_open = worker->socket >= 0 || worker_start("census", worker) == 0;

	for (size_t i = 0; i < FILE_COUNT; i++) {
		fds[i] = is_open ? open_file(pid, FILES[i]) : -1;
		is_open &= fds[i] >= 0;
	}
	/* all three are of the same process, if it is still there: its pid was nobody else's until
	 * now */
	is_open = is_open && poll(&end, 1, 0) == 0;
	enum outcome outcome = is_open ? ask(worker, CENSUS_REQUEST, &request, sizeof(request), fds,
					     FILE_COUNT, census)
				       : NOT_TAKEN;
	for (size_t i = 0; i < FILE_COUNT; i++)
		io_close(&fds[i]);
	return outcome;
}

/* It opens the memory itself, and is one for each census. */
static enum outcome take_by_service(struct worker_process *worker, const char *services,
				    uint32_t pid, int process, struct census *census)
{
	const struct census_open request = { .pid = pid, .patience_ns = PATIENCE_NS };
	char path[128];

	snprintf(path, sizeof(path), "%s/census.sock", services);
	if (worker_connect(path, worker))
		return NOT_TAKEN;
	enum outcome outcome = ask(worker, CENSUS_OPEN, &request, sizeof(request), &process, 1,
				   census);
	if (outcome != DIED)
		worker_finish(worker);
	return outcome;
}

static enum outcome take(struct worker_process *worker, const char *services, uint32_t pid,
			 struct census *census)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	enum outcome outcome = NOT_TAKEN;

	if (process >= 0)
		outcome = services ? take_by_service(worker, services, pid, process, census)
				   : take_by_child(worker, pid, process, census);
	io_close(&process);
	return outcome;
}

bool census_take(struct worker_process *worker, const char *services, uint32_t pid,
		 struct census *census)
{
	char fate[SUPERVISE_TEXT_MAX];
	enum outcome outcome = take(worker, services, pid, census);

	for (bool was_tried = false; outcome == DIED; was_tried = true) {
		if (!supervise_has_failed(worker))
			supervise_kill(worker, "gave no valid answer, and was killed");
		/* a page that does not come would not come to another either */
		bool is_over = was_tried || worker->killed_for;
		command_fail(EXIT_FAILED, "the census of pid %u: its worker %s; %s", pid,
			     supervise_fate(worker, fate),
			     is_over ? "what is in its heap is not counted"
				     : "another takes its place");
		leave(worker);
		if (is_over)
			break;
		outcome = take(worker, services, pid, census);
	}
	return outcome == TAKEN;
}
