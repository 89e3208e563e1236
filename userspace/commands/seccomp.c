// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/seccomp.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool filters_thread(const char *tasks, const char *thread)
{
	static const char FIELD[] = "\nSeccomp:\t";
	char path[320], text[4096];

	snprintf(path, sizeof(path), "%s/%.16s/status", tasks, thread);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	if (fd >= 0)
		close(fd);
	const char *mode = strstr(text, FIELD);
	return mode && mode[sizeof(FIELD) - 1] != '0';
}

bool seccomp_filters(uint32_t pid)
{
	char tasks[32];
	struct dirent *entry;
	bool filters = false;

	snprintf(tasks, sizeof(tasks), "/proc/%" PRIu32 "/task", pid);
	DIR *directory = opendir(tasks);
	while (directory && !filters && (entry = readdir(directory)))
		filters = entry->d_name[0] != '.' && filters_thread(tasks, entry->d_name);
	if (directory)
		closedir(directory);
	return filters;
}
