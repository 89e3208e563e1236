// SPDX-License-Identifier: GPL-2.0-or-later
/* What programs told of themselves: moments, and scopes that give blocks a tag. */
#include "analysis/model_parts.h"
#include "bpf/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The filter's moments: the first of that name, and the first after it. */
static void seek(struct model *model, const struct mark_record *record)
{
	const struct filter *filter = &model->filter;
	bool is_from_known = !filter->from_mark[0] || model->from_mark_ns != UINT64_MAX;

	if (filter->pid && model_thread(model, record->thread)->pid != filter->pid)
		return;
	if (!is_from_known && strcmp(filter->from_mark, record->name) == 0) {
		model->from_mark_ns = record->time_ns;
		return;
	}
	uint64_t from = filter->from_mark[0] ? model->from_mark_ns : filter->from_ns;
	if (is_from_known && filter->to_mark[0] && model->to_mark_ns == UINT64_MAX &&
	    record->time_ns >= from && strcmp(filter->to_mark, record->name) == 0)
		model->to_mark_ns = record->time_ns;
}

static int add_marker(struct model *model, struct mark_record *record)
{
	size_t count = model->marker_count;

	if (!model_happened(model, record->time_ns) || record->time_ns < model->filter.from_ns ||
	    !model_thread_passes(model, record->thread) || model->markers_seen++ >= MARKERS_MAX)
		return 0;
	if ((count & (count - 1)) == 0) {
		struct marker *grown = realloc(model->markers,
					       (count ? 2 * count : 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		model->markers = grown;
	}
	model->markers[model->marker_count++] = (struct marker) { .time_ns = record->time_ns,
								  .thread = record->thread,
								  .name = record->name };
	record->name = NULL;
	return 0;
}

/* Room for the sums of every tag that is known. */
static int reach_tags(struct model *model)
{
	if (!model->has_tag_sums || !model->tags.count)
		return 0;
	return model_reach((void **)&model->tag_sums, &model->tag_sum_count,
			   sizeof(*model->tag_sums), model->tags.count - 1);
}

int model_count_tags(struct model *model)
{
	model->has_tag_sums = true;
	return model_reach((void **)&model->tag_sums, &model->tag_sum_count,
			   sizeof(*model->tag_sums), TAG_NONE);
}

static int add_due(struct model *model, struct due_marks *due, const struct mark_record *record)
{
	size_t count = due->count;
	uint32_t tag;
	int err = tags_number(&model->tags, record->name, &tag);

	if (!err)
		err = reach_tags(model);
	if (!err && (count & (count - 1)) == 0) {
		struct due_mark *grown = realloc(due->items,
						 (count ? 2 * count : 1) * sizeof(*grown));
		err = grown ? 0 : -ENOMEM;
		if (grown)
			due->items = grown;
	}
	if (err)
		return err;
	due->items[due->count++] = (struct due_mark) { .events = record->events,
						       .time_ns = record->time_ns,
						       .thread = record->thread,
						       .depth = record->depth,
						       .tag = tag,
						       .what = record->what };
	return 0;
}

static void find_next(struct due_marks *due)
{
	due->next_event = due->next < due->count ? due->items[due->next].events : UINT64_MAX;
	/* what is due before events that were fed already was not told in order */
	if (due->next_event < due->events)
		due->next_event = due->events;
}

static int apply_mark(struct model *model, const struct due_mark *mark)
{
	if (!model_happened(model, mark->time_ns))
		return 0;
	/* an id that no recorder gives out is none */
	int err = model_reach_thread_state(model, mark->thread);
	return err ? err
		   : tags_apply(&model->tags, mark->thread, mark->what, mark->depth, mark->tag);
}

/* The first ones, as long as they are due; all of them. */
static int apply_marks(struct model *model, bool is_all)
{
	struct due_marks *due = &model->due;
	int err = 0;

	while (!err && due->next < due->count &&
	       (is_all || due->items[due->next].events <= due->events))
		err = apply_mark(model, &due->items[due->next++]);
	find_next(due);
	return err;
}

int model_apply_due(struct model *model)
{
	return apply_marks(model, false);
}

int model_apply_all_due(struct model *model)
{
	return apply_marks(model, true);
}

uint32_t model_live_tag(struct model *model)
{
	struct due_marks *due = &model->due_live;

	while (due->next < due->count && due->items[due->next].events <= due->events)
		model->live_tag = due->items[due->next++].tag;
	due->events++;
	return model->live_tag;
}

static int feed_mark(struct model *model, struct mark_record *record)
{
	switch (record->what) {
	case MARK_MOMENT: seek(model, record); return add_marker(model, record);
	case MARK_BEGIN:
	case MARK_END:
	case MARK_UNMATCHED:
	case MARK_RESTART:
	case MARK_SCOPE: return add_due(model, &model->due, record);
	case MARK_BLOCKS: return add_due(model, &model->due_live, record);
	}
	return 0;
}

int model_feed_marks(struct model *model, struct bytes_reader *in)
{
	struct mark_record record;
	/* what an earlier chunk said was of events before this one */
	int err = model_apply_all_due(model);

	model->due.count = model->due.next = 0;
	model->due_live.count = model->due_live.next = 0;
	while (!err && mark_record_get(in, &record)) {
		err = feed_mark(model, &record);
		mark_record_free(&record);
	}
	find_next(&model->due);
	return err;
}
