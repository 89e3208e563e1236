// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Leak suppressions, and a name that they are about: behind the first zero byte. The first byte is
 * the room for patterns.
 */
#include "base/suppressions.h"
#include "tests/fuzz/fuzz.h"

/* Without anything that stands for something else, a pattern is a part of the name or not. */
static void compare(const char *patterns, const char *name)
{
	char *copy = strdup(patterns), *rest = copy;
	bool is_part = false;

	require(copy);
	for (const char *pattern; (pattern = strsep(&rest, "\n"));)
		is_part |= *pattern && strstr(name, pattern);
	bool matches = suppressions_match(patterns, name);
	if (!strpbrk(patterns, "*?^$"))
		require(matches == is_part);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = take_byte(&data, &size) + 1u;
	char *text = strndup((const char *)data, size), *patterns = malloc(room);
	size_t length = strnlen((const char *)data, size);
	const char *why = NULL;

	require(text && patterns);
	char *name = length < size ? strndup((const char *)data + length + 1, size - length - 1)
				   : strdup("main");
	require(name);
	unsigned wrong = suppressions_parse(text, patterns, room, &why);
	require(memchr(patterns, 0, room) && !wrong == !why);
	require(!strchr(patterns, '\r') && *patterns != '\n' && !strstr(patterns, "\n\n"));
	compare(patterns, name);
	/* what a question has for them are any lines */
	compare(text, name);
	free(name);
	free(patterns);
	free(text);
	return 0;
}
