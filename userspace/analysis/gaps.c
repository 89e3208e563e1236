// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/gaps.h"

#include "analysis/frames.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static int compare_frames(const void *a, const void *b)
{
	const struct record_frame *left = a, *right = b;

	if (left->module != right->module)
		return left->module < right->module ? -1 : 1;
	return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Every frame once, modules one after the other. NULL: out of memory. */
static struct record_frame *all_frames(const struct model *model, size_t *count)
{
	size_t total = 0, kept = 0;

	for (size_t i = 0; i < model->stack_count; i++)
		total += model->stacks[i].frame_count;
	struct record_frame *frames = malloc((total + 1) * sizeof(*frames));
	if (!frames)
		return NULL;
	total = 0;
	for (size_t i = 0; i < model->stack_count; i++) {
		const struct stack *stack = &model->stacks[i];
		if (!stack->frame_count)
			continue;
		memcpy(frames + total, stack->frames, stack->frame_count * sizeof(*frames));
		total += stack->frame_count;
	}
	qsort(frames, total, sizeof(*frames), compare_frames);
	for (size_t i = 0; i < total; i++)
		if (!kept || compare_frames(&frames[kept - 1], &frames[i]) != 0)
			frames[kept++] = frames[i];
	*count = kept;
	return frames;
}

static bool is_gap(const struct model *model, const struct record_frame *frames, size_t count)
{
	struct named_frame names[NAMES_INLINE_MAX];
	bool has_line = false;

	for (size_t i = 0; i < count; i++) {
		size_t found = frame_names(model, &frames[i], names);
		if (names[0].build_id_size == 0 || !*names[found - 1].function)
			return names[0].build_id_size != 0;
		has_line |= names[0].line != 0;
	}
	return !has_line;
}

static json_t *describe(const struct model *model, const struct record_frame *frames, size_t count)
{
	const struct module_record *module = &model->modules[frames->module].record;
	char build_id[2 * RECORD_BUILD_ID_MAX + 1];
	json_t *offsets = json_array();

	for (size_t i = 0; i < count; i++)
		if (frames[i].offset <= INT64_MAX)
			json_array_append_new(offsets, json_integer((json_int_t)frames[i].offset));
	return json_pack("{s:I, s:s, s:o}", "module", (json_int_t)frames->module, "build_id",
			 text_hex(build_id, module->build_id, module->build_id_size), "offsets",
			 offsets);
}

json_t *gaps_find(const struct model *model)
{
	size_t count = 0, end;
	struct record_frame *frames = all_frames(model, &count);
	json_t *modules = frames ? json_array() : NULL;

	for (size_t i = 0; modules && i < count; i = end) {
		for (end = i; end < count && frames[end].module == frames[i].module; end++)
			;
		if (!is_gap(model, frames + i, end - i))
			continue;
		for (size_t at = i; at < end; at += GAPS_OFFSETS_MAX)
			json_array_append_new(modules, describe(model, frames + at,
								end - at < GAPS_OFFSETS_MAX
									? end - at
									: GAPS_OFFSETS_MAX));
	}
	free(frames);
	return modules ? json_pack("{s:o}", "modules", modules) : NULL;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL: not hex, or out of memory. */
static uint8_t *from_hex(const char *hex, size_t *size)
{
	size_t length = strlen(hex);
	uint8_t *bytes = length % 2 == 0 ? malloc(length / 2 + 1) : NULL;

	for (size_t i = 0; bytes && i < length; i += 2) {
		int high = digit(hex[i]), low = digit(hex[i + 1]);
		if (high < 0 || low < 0) {
			free(bytes);
			return NULL;
		}
		bytes[i / 2] = (uint8_t)(high << 4 | low);
	}
	*size = length / 2;
	return bytes;
}

json_t *gaps_fill(struct model *model, const json_t *question)
{
	json_int_t module = json_integer_value(json_object_get(question, "module"));
	const char *hex = json_string_value(json_object_get(question, "names"));
	size_t size = 0;
	uint8_t *payload = hex ? from_hex(hex, &size) : NULL;
	bool is_filled = payload && module > 0 && module <= UINT32_MAX &&
			 model_name(model, (uint32_t)module, payload, size) == 0;

	free(payload);
	return is_filled ? json_object() : json_pack("{s:s}", "error", "these are no names");
}
