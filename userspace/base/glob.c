// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/glob.h"

#include <stddef.h>

bool glob_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	/* only the last star need be tried again: what an earlier one could take, the last can, too
	 */
	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			retry = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
