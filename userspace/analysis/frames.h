/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a frame of a stack is called: its function with those inlined into it, or module and offset.
 */
#ifndef HEAPTRAIL_ANALYSIS_FRAMES_H
#define HEAPTRAIL_ANALYSIS_FRAMES_H

#include "analysis/model.h"

struct named_frame {
	const char *function; /* "" where it has no name */
	const char *file;     /* "" not known */
	uint32_t line;
	const char *module; /* path; "" for code without a file */
	const uint8_t *build_id;
	size_t build_id_size;
	uint64_t offset; /* in the module's file, or the address where there is no module */
	bool is_inlined; /* into the frame after it */
};

/*
 * The names of one frame, innermost first; at least one. Strings live as long as the model. frame
 * comes from a capture: a module that does not exist is none.
 */
size_t frame_names(const struct model *model, const struct record_frame *frame,
		   struct named_frame found[static NAMES_INLINE_MAX]);

#endif
