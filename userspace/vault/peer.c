// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/peer.h"

#include "base/io.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/* The first line of /proc/PID/name, "" where it cannot be read. */
static void read_line(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];

	out[0] = 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, out, size - 1);
	out[n > 0 ? n : 0] = 0;
	out[strcspn(out, "\n")] = 0;
	close(fd);
}

/* The path in the unified hierarchy (cgroups(7): "0::"); the first line where there is none. */
static void read_cgroup(pid_t pid, char *out, size_t size)
{
	/* holds any line, with a path of PATH_MAX: the rest of a cut one could look like another */
	char path[64], line[2 * PATH_MAX];

	out[0] = 0;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		bool is_unified = strncmp(line, "0::", 3) == 0;
		line[strcspn(line, "\n")] = 0;
		if (is_unified || !out[0])
			text_copy(out, size, is_unified ? line + 3 : line);
		if (is_unified)
			break;
	}
	fclose(file);
}

static uint32_t read_number(pid_t pid, const char *name)
{
	char text[32];

	read_line(pid, name, text, sizeof(text));
	return text[0] ? (uint32_t)strtoul(text, NULL, 10) : (uint32_t)-1;
}

/* A descriptor of the process itself, which no other that gets its pid later can pass for; -1:
 * none. */
static int open_process(int socket, pid_t pid)
{
	int fd = -1;
	socklen_t size = sizeof(fd);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0)
		return fd;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool is_alive(int process)
{
	struct pollfd poll_process = { .fd = process, .events = POLLIN };

	return process >= 0 && poll(&poll_process, 1, 0) == 0;
}

/* What /proc says beside the ids. */
static void describe(pid_t pid, struct audit_subject *subject)
{
	char path[64];

	subject->auid = read_number(pid, "loginuid");
	subject->session = read_number(pid, "sessionid");
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	ssize_t n = readlink(path, subject->exe, sizeof(subject->exe) - 1);
	subject->exe[n > 0 ? n : 0] = 0;
	read_cgroup(pid, subject->cgroup, sizeof(subject->cgroup));
}

int peer_identify(int socket, struct audit_subject *subject)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	*subject = (struct audit_subject) { .auid = (uid_t)-1, .session = (uint32_t)-1 };
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size))
		return -errno;
	subject->pid = credentials.pid;
	subject->uid = credentials.uid;
	subject->gid = credentials.gid;
	int process = open_process(socket, credentials.pid);
	describe(credentials.pid, subject);
	/* one that has ended by now may have been another's when it was read */
	if (!is_alive(process)) {
		subject->auid = (uid_t)-1;
		subject->session = (uint32_t)-1;
		subject->exe[0] = subject->cgroup[0] = 0;
	}
	io_close(&process);
	return 0;
}

bool process_identify(pid_t pid, struct audit_subject *subject)
{
	char path[64], line[256];
	unsigned real, effective;
	bool has_uid = false;

	*subject = (struct audit_subject) { .pid = pid,
					    .auid = (uid_t)-1,
					    .session = (uint32_t)-1 };
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Uid:\t%u\t%u", &real, &effective) == 2) {
			subject->uid = effective;
			has_uid = true;
		} else if (sscanf(line, "Gid:\t%u\t%u", &real, &effective) == 2) {
			subject->gid = effective;
		}
	}
	fclose(file);
	describe(pid, subject);
	return has_uid;
}

size_t peer_groups(int socket, gid_t *groups, size_t max)
{
	socklen_t size = (socklen_t)(max * sizeof(*groups));

	/* with more than that, it is as if there were none: a rule can then only fail to match */
	return getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &size)
		       ? 0
		       : size / sizeof(*groups);
}
