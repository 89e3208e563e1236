// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/frames.h"

size_t frame_names(const struct model *model, const struct record_frame *frame,
		   struct named_frame found[static NAMES_INLINE_MAX])
{
	static const struct module_record NONE = { .path = (char *)"" };
	struct name names[NAMES_INLINE_MAX];
	const struct module_record *module = &NONE;
	size_t count = 0;

	if (frame->module && frame->module < model->module_count &&
	    model->modules[frame->module].record.path) {
		const struct model_module *found_module = &model->modules[frame->module];
		module = &found_module->record;
		for (size_t i = 0; !count && i < found_module->names_count; i++)
			count = names_find(found_module->names[i], frame->offset, names);
	}
	if (count == 0)
		names[count++] = (struct name) { .function = "", .file = "" };
	for (size_t i = 0; i < count; i++)
		found[i] = (struct named_frame) {
			.function = names[i].function,
			.file = names[i].file,
			.line = names[i].line,
			.module = module->path,
			.build_id = module->build_id,
			.build_id_size = module->build_id_size,
			.offset = frame->offset,
			.is_inlined = i + 1 < count,
		};
	return count;
}
