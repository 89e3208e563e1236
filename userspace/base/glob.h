/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shell patterns of names, with * and ? alone: in time that is at most pattern times text, whatever
 * either is. */
#ifndef HEAPTRAIL_BASE_GLOB_H
#define HEAPTRAIL_BASE_GLOB_H

#include <stdbool.h>

bool glob_matches(const char *pattern, const char *text);

#endif
