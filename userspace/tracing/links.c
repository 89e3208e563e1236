// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/links.h"

#include "base/io.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UPROBE_MULTI_RETURN 1

/* The part of union bpf_attr that BPF_LINK_CREATE reads for uprobe_multi (linux/bpf.h of 6.6). */
struct uprobe_multi_attr {
	uint32_t prog_fd;
	uint32_t target_fd;
	uint32_t attach_type;
	uint32_t link_flags;
	uint64_t path;
	uint64_t offsets;
	uint64_t ref_ctr_offsets;
	uint64_t cookies;
	uint32_t count;
	uint32_t flags;
	uint32_t pid;
	uint32_t reserved;
};
_Static_assert(sizeof(struct uprobe_multi_attr) == 64, "layout");

static int attach_multi(const struct link_request *request)
{
	char path[32];
	struct uprobe_multi_attr attr = {
		.prog_fd = (uint32_t)request->program_fd,
		.attach_type = request->is_session ? ATTACH_TYPE_UPROBE_SESSION
						   : ATTACH_TYPE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)request->offsets,
		.ref_ctr_offsets = (uintptr_t)request->semaphores,
		.cookies = (uintptr_t)request->cookies,
		.count = (uint32_t)request->count,
		.flags = request->is_return ? UPROBE_MULTI_RETURN : 0,
		.pid = (uint32_t)request->pid,
	};

	snprintf(path, sizeof(path), "/proc/self/fd/%d", request->file_fd);
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : fd;
}

/* The uprobe PMU's number. Read once, at the trial: later the file system is closed. */
static int perf_type(void)
{
	static int type = -1;
	FILE *file = type < 0 ? fopen("/sys/bus/event_source/devices/uprobe/type", "re") : NULL;

	if (!file)
		return type;
	if (fscanf(file, "%d", &type) != 1)
		type = -1;
	fclose(file);
	return type;
}

/* The event opened for one site; its link needs no right of its own. */
static int attach_perf(const struct link_request *request, size_t i, int fds[2])
{
	char path[32];
	struct perf_event_attr event = {
		.type = (uint32_t)perf_type(),
		.size = sizeof(event),
		/* of the uprobe PMU: bit 0 return probe, bits 32 to 63 the semaphore */
		.config = request->is_return | (request->semaphores ? request->semaphores[i] << 32 : 0),
		.config1 = (uintptr_t)path,
		.config2 = request->offsets[i],
	};
	union bpf_attr link = { 0 };

	snprintf(path, sizeof(path), "/proc/self/fd/%d", request->file_fd);
	fds[0] = (int)syscall(SYS_perf_event_open, &event, request->pid ? request->pid : -1,
			      request->pid ? -1 : 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fds[0] < 0)
		return -errno;
	link.link_create.prog_fd = (uint32_t)request->program_fd;
	link.link_create.target_fd = (uint32_t)fds[0];
	link.link_create.attach_type = BPF_PERF_EVENT;
	link.link_create.perf_event.bpf_cookie = request->cookies[i];
	fds[1] = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof(link));
	if (fds[1] < 0) {
		int err = -errno;
		io_close(&fds[0]);
		return err;
	}
	return 0;
}

int links_attach(enum attach_mode mode, const struct link_request *request, int *fds,
		 size_t *fd_count)
{
	int err = 0;

	*fd_count = 0;
	if (mode != ATTACH_PERF) {
		fds[0] = attach_multi(request);
		if (fds[0] < 0)
			return fds[0];
		*fd_count = 1;
		return 0;
	}
	for (size_t i = 0; !err && i < request->count; i++) {
		err = attach_perf(request, i, fds + *fd_count);
		if (!err)
			*fd_count += 2;
	}
	while (err && *fd_count)
		io_close(&fds[--*fd_count]);
	return err;
}
