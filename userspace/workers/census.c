// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The census: counts the blocks that a process's allocator holds, by reading its memory while it
 * runs. Whoever starts it has opened that memory, and gets numbers; the worker can open nothing,
 * reach nobody and has no other descriptors.
 *
 * As a service ("heaptrail-census once") it opens the memory of one process itself, since who asks
 * is not to have it, and gives up the right to before it reads.
 */
#include "base/clock.h"
#include "base/io.h"
#include "base/message.h"
#include "heap/count.h"
#include "workers/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX (64u << 20)

enum {
	MEMORY,
	MAPS,
	ROLLUP,
	FILE_COUNT
};

static const char *const FILES[FILE_COUNT] = { "mem", "maps", "smaps_rollup" };
static uint8_t window[MEMORY_WINDOW_BYTES];
static struct message message;

/* Those of /proc are regular files; a read of another kind might never end. */
static int load(int fd, char **text)
{
	struct stat st;
	size_t size;
	int err = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EMEDIUMTYPE;

	return err ? err : io_read_all(fd, TEXT_MAX, text, &size);
}

static int count(const int *fds, uint64_t patience_ns, struct census *census)
{
	struct memory memory = { .fd = fds[MEMORY], .window = window };
	uint64_t start_ns = clock_now_ns();
	char *maps = NULL, *rollup = NULL;
	struct regions regions = { 0 };

	int err = load(fds[MAPS], &maps);
	if (!err)
		err = load(fds[ROLLUP], &rollup);
	if (!err)
		err = regions_parse(maps, &regions);
	if (!err) {
		count_heap(&memory, &regions, start_ns + patience_ns, census);
		count_resident(rollup, census);
		census->duration_ns = clock_now_ns() - start_ns;
	}
	regions_free(&regions);
	free(maps);
	free(rollup);
	return err;
}

/* Counts, closes the files, and answers. */
static int answer(int *fds, uint64_t patience_ns)
{
	struct census census = { 0 };
	int err = count(fds, patience_ns, &census);

	for (size_t i = 0; i < FILE_COUNT; i++)
		io_close(&fds[i]);
	if (!err)
		return message_send(WORKER_SOCKET, CENSUS_REPLY, &census, sizeof(census), NULL, 0);
	worker_refuse(WORKER_SOCKET, 1, -err, "its memory cannot be read: %s", strerror(-err));
	return 0;
}

/* All are of the same process if it is still there: its pid was nobody else's until now. */
static int open_files(uint32_t pid, int pidfd, int *fds)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	int err = 0;

	for (size_t i = 0; i < FILE_COUNT; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%u/%s", pid, FILES[i]);
		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		err = err ? err : fds[i] < 0 ? -errno : 0;
	}
	return err ? err : poll(&end, 1, 0) == 0 ? 0 : -ESRCH;
}

static int serve_once(void)
{
	static const struct message_rule RULES[] = { { CENSUS_OPEN, sizeof(struct census_open),
						       1 } };
	const struct census_open *request = (const void *)message.body;
	int fds[FILE_COUNT] = { -1, -1, -1 };

	if (!worker_use_spares("census"))
		worker_fail(
			4, EPERM,
			"the census lacks CAP_SYS_PTRACE or CAP_DAC_READ_SEARCH: give them to the "
			"unit (AmbientCapabilities=)");
	int err = message_recv(WORKER_SOCKET, RULES, 1, &message);
	if (err)
		return err == -EPIPE ? 0 : 1;
	err = open_files(request->pid, message.fds[0], fds);
	message_close_fds(&message);
	worker_confine("census");
	if (!err)
		return answer(fds, request->patience_ns) ? 1 : 0;
	worker_refuse(WORKER_SOCKET, 1, -err, "its memory cannot be opened: %s", strerror(-err));
	return 0;
}

int main(int argc, char **argv)
{
	static const struct message_rule RULES[] = {
		{ CENSUS_REQUEST, sizeof(struct census_request), FILE_COUNT }
	};

	worker_begin("census");
	worker_leave_root("census");
	if (argc > 1 && strcmp(argv[1], "once") == 0)
		return serve_once();
	worker_confine("census");
	for (;;) {
		const struct census_request *request = (const void *)message.body;
		int fds[FILE_COUNT];
		int err = message_recv(WORKER_SOCKET, RULES, 1, &message);
		if (err)
			return err == -EPIPE ? 0 : 1;
		for (size_t i = 0; i < FILE_COUNT; i++)
			fds[i] = message_take_fd(&message, i);
		if (answer(fds, request->patience_ns))
			return 1;
	}
}
