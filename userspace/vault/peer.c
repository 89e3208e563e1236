// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/peer.h"

#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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
	char path[64], line[4096];

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

int peer_identify(int socket, struct audit_subject *subject)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);
	char path[64];

	*subject = (struct audit_subject) { .auid = (uid_t)-1, .session = (uint32_t)-1 };
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size))
		return -errno;
	subject->pid = credentials.pid;
	subject->uid = credentials.uid;
	subject->gid = credentials.gid;
	subject->auid = read_number(credentials.pid, "loginuid");
	subject->session = read_number(credentials.pid, "sessionid");
	snprintf(path, sizeof(path), "/proc/%d/exe", credentials.pid);
	ssize_t n = readlink(path, subject->exe, sizeof(subject->exe) - 1);
	subject->exe[n > 0 ? n : 0] = 0;
	read_cgroup(credentials.pid, subject->cgroup, sizeof(subject->cgroup));
	return 0;
}
