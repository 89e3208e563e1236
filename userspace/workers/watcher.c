// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The watcher: says who opens the files in a directory. The kernel lets nobody go on who opens one
 * before it is answered (fanotify(7), FAN_OPEN_PERM), so that a process is still there when it is
 * identified, however short-lived; the answer is always yes. A watcher that dies answers everything
 * with yes, by the closing of its descriptor.
 */
#include "base/io.h"
#include "base/message.h"
#include "base/text.h"
#include "vault/peer.h"
#include "workers/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

static void describe_file(int fd, struct file_opened *opened)
{
	char link[64];
	struct stat st;

	if (fstat(fd, &st) == 0) {
		opened->device = st.st_dev;
		opened->inode = st.st_ino;
		opened->size = (uint64_t)st.st_size;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, opened->path, sizeof(opened->path) - 1);
	opened->path[n > 0 ? n : 0] = 0;
}

static void describe_process(pid_t pid, struct file_opened *opened)
{
	static struct audit_subject subject;

	(void)process_identify(pid, &subject);
	opened->pid = (uint32_t)pid;
	opened->uid = subject.uid;
	opened->gid = subject.gid;
	opened->auid = subject.auid;
	opened->session = subject.session;
	text_copy(opened->exe, sizeof(opened->exe), subject.exe);
	text_copy(opened->cgroup, sizeof(opened->cgroup), subject.cgroup);
}

/* Identified while it waits; told once it may go on. */
static void handle(int group, const struct fanotify_event_metadata *event)
{
	struct file_opened opened = { 0 };
	struct fanotify_response yes = { .fd = event->fd, .response = FAN_ALLOW };

	if (event->fd < 0)
		return;
	describe_process(event->pid, &opened);
	describe_file(event->fd, &opened);
	if (event->mask & FAN_OPEN_PERM && write(group, &yes, sizeof(yes)) != sizeof(yes))
		worker_fail(1, errno, "an open could not be answered: %s", strerror(errno));
	close(event->fd);
	if (message_send(WORKER_SOCKET, WATCHER_OPENED, &opened, sizeof(opened), NULL, 0))
		exit(0);
}

int main(void)
{
	static const struct message_rule RULES[] = { { WATCHER_START, 0, 1 } };
	static struct message message;
	static _Alignas(struct fanotify_event_metadata) char events[4096];

	worker_begin("watcher");
	worker_leave_root("watcher");
	if (message_recv(WORKER_SOCKET, RULES, 1, &message))
		return 1;
	int group = message_take_fd(&message, 0);
	worker_confine("watcher");
	for (;;) {
		struct pollfd polls[] = { { .fd = group, .events = POLLIN },
					  { .fd = WORKER_SOCKET } };
		if (poll(polls, 2, -1) < 0)
			continue;
		/* whoever wanted to know is gone, perhaps with nothing to be told of for days */
		if (polls[1].revents)
			return 0;
		ssize_t n = read(group, events, sizeof(events));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			worker_fail(1, errno,
				    "the kernel's news of opened files cannot be read: %s",
				    strerror(errno));
		const struct fanotify_event_metadata *event = (void *)events;
		if (!FAN_EVENT_OK(event, n) || event->vers != FANOTIFY_METADATA_VERSION)
			worker_fail(1, EPROTO,
				    "what should be the kernel's news of opened files is not");
		for (size_t left = (size_t)n; FAN_EVENT_OK(event, (ssize_t)left);
		     event = FAN_EVENT_NEXT(event, left))
			handle(group, event);
	}
}
