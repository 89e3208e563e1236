// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/census.h"

#include "base/io.h"
#include "base/message.h"
#include "workers/protocol.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE_NS 2000000000 /* for all of a heap; more than that is not read */

static const char *const FILES[] = { "mem", "maps", "smaps_rollup" };

#define FILE_COUNT (sizeof(FILES) / sizeof(FILES[0]))

static int open_file(uint32_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static bool ask(struct worker_process *worker, const int *fds, struct census *census)
{
	static const struct message_rule RULES[] = { { CENSUS_REPLY, sizeof(struct census), 0 },
						     { MESSAGE_FAILURE, sizeof(struct failure),
						       0 } };
	static struct message message;
	struct census_request request = { .patience_ns = PATIENCE_NS };

	if (message_send(worker->socket, CENSUS_REQUEST, &request, sizeof(request), fds,
			 FILE_COUNT) ||
	    message_recv(worker->socket, RULES, 2, &message) || message.type != CENSUS_REPLY)
		return false;
	memcpy(census, message.body, sizeof(*census));
	return true;
}

bool census_take(struct worker_process *worker, uint32_t pid, struct census *census)
{
	int fds[FILE_COUNT];
	bool is_open = true;

	if (worker->socket < 0 && worker_start("census", worker))
		return false;
	for (size_t i = 0; i < FILE_COUNT; i++) {
		fds[i] = open_file(pid, FILES[i]);
		is_open &= fds[i] >= 0;
	}
	bool is_taken = is_open && ask(worker, fds, census);
	for (size_t i = 0; i < FILE_COUNT; i++)
		io_close(&fds[i]);
	return is_taken;
}
