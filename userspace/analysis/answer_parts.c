// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/answer_parts.h"
#include "base/text.h"

#include <string.h>

json_t *answer_number(uint64_t value)
{
	/* jansson's integers are signed; sums of 2^63 bytes do not occur in a capture that makes
	 * sense */
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* Text of a capture may be any bytes; JSON must be UTF-8. */
json_t *answer_text(const char *string)
{
	char safe[ANSWER_TEXT_MAX];
	size_t length = strlen(string);
	json_t *value = length < sizeof(safe) ? json_string(string) : NULL;

	return value ? value : json_string(text_safe(safe, sizeof(safe), string, length));
}

static const char *const STATUS_NAMES[] = { "complete", "frame_pointers", "depth",	"no_table",
					    "no_row",	"rule",		  "unreadable", "bad_frame",
					    "not_code", "anonymous",	  "busy",	"no_slot",
					    "signal" };

const char *answer_status_name(size_t status)
{
	return status < sizeof(STATUS_NAMES) / sizeof(STATUS_NAMES[0]) ? STATUS_NAMES[status]
								       : "unknown";
}

const char *answer_status(const struct stack *stack)
{
	return stack->is_known ? answer_status_name(stack->status) : "unknown";
}

static size_t weight_of(const char *text)
{
	return strnlen(text, ANSWER_TEXT_MAX) / 256;
}

json_t *answer_frame(const struct named_frame *frame, size_t *weight)
{
	char build_id[2 * RECORD_BUILD_ID_MAX + 1];

	if (weight)
		*weight += 1 + weight_of(frame->function) + weight_of(frame->file) +
			   weight_of(frame->module);

	text_hex(build_id, frame->build_id ? frame->build_id : (const uint8_t *)"",
		 frame->build_id_size);
	return json_pack("{s:o, s:o, s:I, s:o, s:s, s:o, s:b}", "function",
			 answer_text(frame->function), "file", answer_text(frame->file), "line",
			 (json_int_t)frame->line, "module", answer_text(frame->module), "build_id",
			 build_id, "module_offset", answer_number(frame->offset), "inlined",
			 frame->is_inlined);
}

json_t *answer_frames(const struct model *model, const struct stack *stack, size_t *weight)
{
	struct named_frame names[NAMES_INLINE_MAX];
	json_t *frames = json_array();

	for (uint32_t i = 0;
	     i < stack->frame_count && json_array_size(frames) < ANSWER_ROW_FRAMES_MAX; i++) {
		size_t count = frame_names(model, &stack->frames[i], names);
		for (size_t k = 0; k < count; k++)
			json_array_append_new(frames, answer_frame(&names[k], weight));
	}
	return frames;
}
