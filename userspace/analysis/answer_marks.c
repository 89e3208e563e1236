// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/answer_parts.h"
#include "analysis/model_parts.h"

json_t *answer_markers(const struct model *model)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < model->marker_count; i++) {
		const struct marker *marker = &model->markers[i];
		const struct thread_record *thread = model_thread(model, marker->thread);
		json_array_append_new(rows, json_pack("{s:o, s:o, s:I, s:I}", "time_ns",
						      answer_number(marker->time_ns), "name",
						      answer_text(marker->name), "pid",
						      (json_int_t)thread->pid, "tid",
						      (json_int_t)thread->tid));
	}
	return rows;
}

json_t *answer_tags(const struct model *model)
{
	const struct tags *tags = &model->tags;

	if (!tags->begun && !tags->unmatched)
		return json_null();
	return json_pack("{s:o, s:o, s:o, s:o}", "scopes", answer_number(tags->begun),
			 "unmatched_ends", answer_number(tags->unmatched), "too_deep",
			 answer_number(tags->too_deep), "missing", answer_number(tags->missing));
}
