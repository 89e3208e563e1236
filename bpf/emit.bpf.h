/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records into the ring. What finds no room is counted, and nothing else happens. */
#ifndef HEAPTRAIL_BPF_EMIT_BPF_H
#define HEAPTRAIL_BPF_EMIT_BPF_H

#include "bpf/pids.bpf.h"

/*
 * Waking the tracer costs more than an event, so it is woken by amount; it also looks by itself
 * every few milliseconds, so that a quiet target's events do not wait.
 */
static __always_inline u64 wakeup_flag(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= wakeup_bytes ? BPF_RB_FORCE_WAKEUP
									     : BPF_RB_NO_WAKEUP;
}

static __always_inline void head_fill(struct event_head *head, u8 kind, struct task_struct *task,
				      u64 cookie, u16 flags)
{
	/* a debugger that steps over a breakpoint of its own takes away a probe at the same place; the
	 * recorder itself holds a command until its libraries are there, whose constructors allocate */
	if (task->ptrace && pid_of(task->parent) != recorder_pid)
		COUNT(traced);
	head->kind = kind;
	head->function = COOKIE_FUNCTION(cookie);
	head->flags = flags;
	head->tid = tid_of(task);
	head->pid = pid_of(owner_of(task));
	head->duration_ns = 0;
	head->time_ns = bpf_ktime_get_ns();
}

/* Room for an event in the ring; NULL, and counted as lost, where there is none. */
static __always_inline void *event_reserve(const u64 size)
{
	void *event = bpf_ringbuf_reserve(&events, size, 0);

	COUNT(emitted);
	if (!event)
		COUNT(lost[LOSS_RING_FULL]);
	return event;
}

/* Names the thread before its first event. Tried again at the next event where there was no room.
 */
static __always_inline void thread_announce(struct thread *thread, struct task_struct *task)
{
	struct event_thread *event;

	if (thread->is_announced)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		COUNT(threads_lost);
		return;
	}
	head_fill(&event->head, EVENT_THREAD, task, 0, 0);
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	/* a pid may be given again, to a program of as many execs */
	event->exec_id = (u32)hash_step(owner_of(task)->start_boottime, thread->exec_id);
	event->inherits = inherits_blocks(owner_of(task));
	event->depth = thread->depth < 0xffff ? thread->depth : 0xffff;
	bpf_ringbuf_submit(event, wakeup_flag());
	thread->is_announced = 1;
}

#endif
