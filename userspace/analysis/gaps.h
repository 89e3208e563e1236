/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames that a capture has no good names for, and names for them from elsewhere. */
#ifndef HEAPTRAIL_ANALYSIS_GAPS_H
#define HEAPTRAIL_ANALYSIS_GAPS_H

#include "analysis/model.h"

#include <jansson.h>

#define GAPS_OFFSETS_MAX 16384 /* of one entry; a module may have several */

/*
 * {"modules": [{"module": 3, "build_id": hex, "offsets": [ascending]}]}: modules with a build id of
 * which a frame has no function, or none has a line. A new reference; NULL: out of memory.
 */
json_t *gaps_find(const struct model *model);

/*
 * {"module": 3, "names": a names payload (capture/names.h) in hex}: they come before what the
 * capture says. An empty object, or {"error": …}.
 */
json_t *gaps_fill(struct model *model, const json_t *question);

#endif
