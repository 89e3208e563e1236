/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the model share. */
#ifndef HEAPTRAIL_ANALYSIS_MODEL_PARTS_H
#define HEAPTRAIL_ANALYSIS_MODEL_PARTS_H

#include "analysis/model.h"

/* Makes items[id] exist, zeroed. 0, -ENOMEM, or -EBADMSG: no recorder gives out such an id. */
int model_reach(void **items, size_t *count, size_t item_size, uint32_t id);

/* What its sums are in: one that was reached. */
static inline struct stack *model_stack(const struct model *model, uint32_t id)
{
	return &model->stacks[id & model->sum_mask];
}

static inline struct thread_state *model_thread_state(const struct model *model, uint32_t id)
{
	return &model->thread_states[id & model->sum_mask];
}

/* Most are there. */
static inline int model_reach_stack(struct model *model, uint32_t id)
{
	id &= model->sum_mask;
	return id < model->stack_count ? 0
				       : model_reach((void **)&model->stacks, &model->stack_count,
						     sizeof(*model->stacks), id);
}

static inline int model_reach_thread_state(struct model *model, uint32_t id)
{
	id &= model->sum_mask;
	return id < model->thread_state_count
		       ? 0
		       : model_reach((void **)&model->thread_states, &model->thread_state_count,
				     sizeof(*model->thread_states), id);
}

/* The thread's record; one without any content where it is not known. */
static inline const struct thread_record *model_thread(const struct model *model, uint32_t id)
{
	static const struct thread_record UNKNOWN;

	return id < model->thread_count ? &model->threads[id] : &UNKNOWN;
}

/* The control group of a target; "" where it is not known. */
static inline const char *model_cgroup(const struct model *model,
				       const struct target_record *target)
{
	const char *path = target->id < model->cgroup_count ? model->cgroups[target->id].path
							    : NULL;

	return path ? path : "";
}

/* Is it before what the filter calls the end? Events are told in an order that their times need not
 * have: the moment of a peak is one of them, and those before it have happened. */
static inline bool model_event_happened(const struct model *model, uint64_t time_ns)
{
	return time_ns <= model->filter.to_ns &&
	       (!model->to_event || model->seen < model->to_event);
}

bool model_happened(const struct model *model, uint64_t time_ns);

/* Do all blocks of the thread pass the filter's conditions on it? */
bool model_thread_passes(struct model *model, uint32_t id);
bool model_block_passes(struct model *model, const struct block *block);

/* Would it, were its stack not suppressed? */
bool model_block_is_suppressed(struct model *model, const struct block *block);

/* A call that has no block that is known: of a failed one, or a free of one from before. */
bool model_call_passes(struct model *model, uint64_t time_ns, uint32_t thread);

/* The thread's next call is of this program: what its process had before has ended. 0 or -ENOMEM.
 */
int model_enter_program(struct model *model, const struct thread_record *thread);

/* model_marks.c: records of a MARKS chunk. What they say of scopes waits until the events before it
 * have been fed. 0 or -ENOMEM. */
int model_feed_marks(struct model *model, struct bytes_reader *in);

/* The marks that are due when so many events were fed; those that are left, whatever was fed. */
int model_apply_due(struct model *model);
int model_apply_all_due(struct model *model);

/* The tag of the next block of a LIVE chunk. */
uint32_t model_live_tag(struct model *model);

/* One mapping, in the order of the file. 0, -ENOMEM, -EBADMSG. */
int model_apply_mapping(struct model *model, const struct mapping_record *record);

/* A block that was allocated in an earlier segment is in the sums of what is live. */
void model_carry(struct model *model, const struct block *block);

/* Whoever asks for the moment of the peak comes back to what was seen last. */
static inline void model_note_peak(struct model *model)
{
	if (model->totals->peak_bytes > model->peak_bytes) {
		model->peak_bytes = model->totals->peak_bytes;
		model->peak_event = model->seen;
	}
}

/* One block, or one range, that was there when the segment began. 0, -ENOMEM, -EBADMSG. */
int model_restore(struct model *model, const struct capture_event *event);
int model_restore_mapping(struct model *model, const struct mapping_record *record);

/* What earlier programs of the target have mapped has ended. 0 or -ENOMEM. */
int model_end_mappings(struct model *model, uint32_t target, uint32_t program);

#endif
