// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Of "/" none. */
static size_t depth_of(const char *path, size_t length)
{
	size_t depth = 0;

	for (size_t i = 0; i + 1 < length; i++)
		depth += path[i] == '/';
	return depth;
}

/* "5:memory:/a/b"; the unified one is "0::/a/b". */
void cgroup_choose(const char *text, char *path, size_t size)
{
	size_t deepest = 0;
	bool is_done = false;

	*path = 0;
	for (const char *line = text; *line && !is_done; line += *line == '\n') {
		size_t length = strcspn(line, "\n"), head = 0;
		for (int colons = 0; head < length && colons < 2; head++)
			colons += line[head] == ':';
		const char *found = line + head;
		size_t found_length = length - head, depth = depth_of(found, found_length);
		is_done = strncmp(line, "0::", 3) == 0 && depth;
		if (*found == '/' && (is_done || depth > deepest || !*path))
			snprintf(path, size, "%.*s", (int)found_length, found);
		deepest = depth > deepest ? depth : deepest;
		line += length;
	}
}
