/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leak suppressions as LeakSanitizer has them (clang's documentation, "LeakSanitizer",
 * Suppressions): lines `leak:PATTERN`, # begins a comment. A stack is suppressed if a pattern is part
 * of a frame's function, source file or module; `*` stands for anything, ^ and $ for the beginning
 * and the end.
 */
#ifndef HEAPTRAIL_BASE_SUPPRESSIONS_H
#define HEAPTRAIL_BASE_SUPPRESSIONS_H

#include <stdbool.h>
#include <stddef.h>

#define SUPPRESSIONS_TEXT_MAX 16384

/*
 * The patterns of such a text, one on each line, into patterns[size). 0, or the number of the line
 * that is no suppression; *why: what is wrong with it.
 */
unsigned suppressions_parse(const char *text, char *patterns, size_t size, const char **why);

/* Is one of the patterns (one on each line) in the text? */
bool suppressions_match(const char *patterns, const char *text);

#endif
