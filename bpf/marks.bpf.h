/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moments and scopes that programs tell of (userspace/include/heaptrail.h). A thread's records are
 * in the ring in the order in which it made them, as its calls that allocate are; each says how
 * many scopes the thread is in then, so that one that is lost misleads no further than to the next.
 */
#ifndef HEAPTRAIL_BPF_MARKS_BPF_H
#define HEAPTRAIL_BPF_MARKS_BPF_H

#include "bpf/allocators.bpf.h"

/*
 * The name, as much as finds room. The header has read its first byte, so that this is in memory;
 * where the name goes on in a page that is not, it ends there.
 */
static __always_inline void mark_read_name(struct event_mark *event, u64 address)
{
	u32 left = (PAGE_BYTES - (address & (PAGE_BYTES - 1))) & (PAGE_BYTES - 1);

	if (bpf_probe_read_user_str(event->name, sizeof(event->name), (void *)address) >= 0)
		return;
	if (left >= sizeof(event->name) ||
	    bpf_probe_read_user(event->name, left & (MARK_NAME_SIZE - 1), (void *)address))
		left = 0;
	event->name[left & (MARK_NAME_SIZE - 1)] = 0;
}

static __always_inline u8 mark_kind_of(const struct thread *thread, u32 kind)
{
	if (kind == CALL_MARK)
		return MARK_MOMENT;
	if (kind == CALL_TAG_BEGIN)
		return MARK_BEGIN;
	return thread->depth ? MARK_END : MARK_UNMATCHED;
}

static __always_inline int mark_pass(struct pt_regs *ctx, u64 cookie)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	const struct point *point = &points[COOKIE_POINT(cookie) & (POINTS_MAX - 1)];
	struct event_mark *event;
	struct thread *thread;

	if (phase == PHASE_CLOSED || !is_target(task))
		return 0;
	thread = thread_or_lost(task);
	if (!thread)
		return 0;
	thread_announce(thread, task);
	u8 what = mark_kind_of(thread, COOKIE_KIND(cookie));
	thread->depth += what == MARK_BEGIN;
	thread->depth -= what == MARK_END;
	event = event_reserve(sizeof(*event));
	if (!event)
		return 0;
	head_fill(&event->head, EVENT_MARK, task, cookie, 0);
	event->what = what;
	event->depth = thread->depth;
	event->reserved[0] = event->reserved[1] = event->reserved[2] = 0;
	event->name[0] = 0;
	if (what == MARK_MOMENT || what == MARK_BEGIN)
		mark_read_name(event, point_argument(ctx, &point->pointer));
	bpf_ringbuf_submit(event, wakeup_flag());
	return 0;
}

#endif
