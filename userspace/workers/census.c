// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The census: counts the blocks that a process's allocator holds, by reading its memory while it
 * runs. Whoever starts it has opened that memory, and gets numbers; the worker can open nothing,
 * reach nobody and has no other descriptors.
 */
#include "base/clock.h"
#include "base/io.h"
#include "base/message.h"
#include "heap/count.h"
#include "workers/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX (64u << 20)

static uint8_t window[MEMORY_WINDOW_BYTES];

/* Those of /proc are regular files; a read of another kind might never end. */
static int load(struct message *message, size_t index, char **text)
{
	int fd = message_take_fd(message, index);
	struct stat st;
	size_t size;
	int err = fstat(fd, &st) ? -errno : S_ISREG(st.st_mode) ? 0 : -EMEDIUMTYPE;

	if (!err)
		err = io_read_all(fd, TEXT_MAX, text, &size);

	close(fd);
	return err;
}

static int count(struct message *message, struct census *census)
{
	struct census_request request;
	struct memory memory = { .fd = message_take_fd(message, 0), .window = window };
	uint64_t start_ns = clock_now_ns();
	char *maps = NULL, *rollup = NULL;
	struct regions regions = { 0 };

	memcpy(&request, message->body, sizeof(request));
	int err = load(message, 1, &maps);
	if (!err)
		err = load(message, 2, &rollup);
	if (!err)
		err = regions_parse(maps, &regions);
	if (!err) {
		count_heap(&memory, &regions, start_ns + request.patience_ns, census);
		count_resident(rollup, census);
		census->duration_ns = clock_now_ns() - start_ns;
	}
	regions_free(&regions);
	free(maps);
	free(rollup);
	close(memory.fd);
	return err;
}

int main(void)
{
	static const struct message_rule RULES[] = { { CENSUS_REQUEST,
						       sizeof(struct census_request), 3 } };
	static struct message message;

	worker_begin("census");
	worker_leave_root("census");
	worker_confine("census");
	for (;;) {
		struct census census = { 0 };
		int err = message_recv(WORKER_SOCKET, RULES, 1, &message);
		if (err)
			return err == -EPIPE ? 0 : 1;
		err = count(&message, &census);
		if (err)
			worker_refuse(WORKER_SOCKET, 1, -err, "its memory cannot be read: %s",
				      strerror(-err));
		else if (message_send(WORKER_SOCKET, CENSUS_REPLY, &census, sizeof(census), NULL,
				      0))
			return 1;
	}
}
