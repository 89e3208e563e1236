// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/suppressions.h"

#include "base/glob.h"

#include <string.h>

#define PATTERN_MAX 1024
#define KEYWORD	    "leak:"

unsigned suppressions_parse(const char *text, char *patterns, size_t size, const char **why)
{
	size_t used = 0;
	unsigned number = 0;

	patterns[0] = 0;
	for (const char *line = text; *line;) {
		size_t length = strcspn(line, "\n");
		const char *next = line + length + (line[length] == '\n');
		number++;
		line += strspn(line, " \t");
		length = line < next ? strcspn(line, "\r\n") : 0;
		while (length && (line[length - 1] == ' ' || line[length - 1] == '\t'))
			length--;
		if (!length || *line == '#') {
			line = next;
			continue;
		}
		if (length <= strlen(KEYWORD) || strncmp(line, KEYWORD, strlen(KEYWORD)) != 0) {
			*why = "is not `leak:' and a pattern";
			return number;
		}
		line += strlen(KEYWORD);
		length -= strlen(KEYWORD);
		if (length >= PATTERN_MAX - 2 || used + length + 2 > size) {
			*why = "is too long, or there are too many before it";
			return number;
		}
		memcpy(patterns + used, line, length);
		used += length;
		patterns[used++] = '\n';
		patterns[used] = 0;
		line = next;
	}
	return 0;
}

/* A part matches as long as nothing says where it begins or ends. */
static bool matches(const char *pattern, size_t length, const char *text)
{
	char glob[PATTERN_MAX + 2];
	size_t used = 0;
	bool is_begin = length && pattern[0] == '^';
	bool is_end = length > (size_t)is_begin && pattern[length - 1] == '$';

	if (length >= PATTERN_MAX)
		return false;
	if (!is_begin)
		glob[used++] = '*';
	memcpy(glob + used, pattern + is_begin, length - is_begin - is_end);
	used += length - is_begin - is_end;
	if (!is_end)
		glob[used++] = '*';
	glob[used] = 0;
	return glob_matches(glob, text);
}

bool suppressions_match(const char *patterns, const char *text)
{
	while (*patterns) {
		size_t length = strcspn(patterns, "\n");
		if (length && matches(patterns, length, text))
			return true;
		patterns += length + (patterns[length] == '\n');
	}
	return false;
}
