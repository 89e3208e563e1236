/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call, counted once.
 *
 * Allocators call themselves (realloc calls malloc and free, calloc calls malloc): of a nest of
 * calls in one thread only the outermost counts. Its entry is remembered with the thread, and its
 * return, found by the stack pointer, makes the event. A call that never returns (longjmp, a signal
 * handler that leaves) is recognised by the next entry: either the stack is shallower than the
 * remembered call, or the return address that the kernel put on the stack for it is no longer
 * there.
 */
#ifndef HEAPTRAIL_BPF_ALLOCATORS_BPF_H
#define HEAPTRAIL_BPF_ALLOCATORS_BPF_H

#include "bpf/emit.bpf.h"
#include "bpf/filter.bpf.h"
#include "bpf/registers.bpf.h"
#include "bpf/stacks.bpf.h"

#define SIZE_OVERFLOW (~0ULL)

/* linux/mman.h */
#define MAP_ANONYMOUS	 0x20
#define MREMAP_DONTUNMAP 4
#define ERRORS_FROM	 (-4095ULL) /* a system call's result from here on is -errno */

extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

/*
 * The kernel makes no storage while it is looking for another thread's on the same CPU. It must not
 * be preempted there, or each new thread that runs meanwhile loses its events.
 */
static __always_inline struct thread *thread_of(struct task_struct *task)
{
	struct thread *thread;

	if (has_preempt_control)
		bpf_preempt_disable();
	thread = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (has_preempt_control)
		bpf_preempt_enable();
	if (thread && thread->exec_id != (u32)task->self_exec_id) {
		thread->exec_id = task->self_exec_id;
		thread->sp = 0;
		thread->depth = 0;
		thread->is_announced = 0;
	}
	return thread;
}

/* The same; NULL: there is no memory for it, and its call is counted as lost. */
static __always_inline struct thread *thread_or_lost(struct task_struct *task)
{
	struct thread *thread = thread_of(task);

	if (!thread) {
		COUNT(emitted);
		COUNT(lost[LOSS_THREAD_STATE]);
	}
	return thread;
}

/* Will the call that was entered with this stack pointer return through the kernel's trampoline? */
static __always_inline bool is_return_pending(u64 sp)
{
#if defined(__TARGET_ARCH_x86)
	u64 word = 0;

	/* it starts a page; no function returns to the start of a page but by chance */
	return bpf_probe_read_user(&word, sizeof(word), (void *)sp) == 0 && word &&
	       (word & (PAGE_BYTES - 1)) == 0;
#else
	/* the return address may be in a register; the kernel's list has calls that were left by
	 * longjmp, too, until the next one is made from further up */
	return original_return(sp) != 0;
#endif
}

/* Is this entry inside a counted call of its thread that is still under way? */
static __always_inline bool is_nested(struct thread *thread, u64 sp)
{
	if (!thread->sp)
		return false;
	if (sp <= thread->sp && is_return_pending(thread->sp))
		return true;
	thread->sp = 0;
	return false;
}

/* Is the thread's last free still under way, as far as its return address tells? */
static __always_inline bool is_free_pending(struct thread *thread)
{
#if defined(__TARGET_ARCH_x86)
	u64 word = 0;

	return bpf_probe_read_user(&word, sizeof(word), (void *)thread->free_sp) == 0 &&
	       word == thread->free_return;
#else
	return true; /* it does not */
#endif
}

static __always_inline bool is_reallocation(u32 kind)
{
	return kind == CALL_REALLOC || kind == CALL_REALLOC_PRODUCT || kind == CALL_RESIZE;
}

/* The end of the data segment, which brk(2) moves. */
static __always_inline u64 break_of(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	return mm ? mm->brk : 0;
}

static __always_inline u64 call_size(struct pt_regs *ctx, u64 cookie)
{
	u64 size = register_read(ctx, COOKIE_SIZE(cookie));
	u32 kind = COOKIE_KIND(cookie);
	u64 count, most;

	if (kind != CALL_ALLOC_PRODUCT && kind != CALL_REALLOC_PRODUCT)
		return size;
	count = register_read(ctx, COOKIE_COUNT(cookie));
	if (((size | count) >> 32) == 0)
		return size * count;
	if (!count)
		return 0;
	most = SIZE_OVERFLOW / count;
	/* else the compiler makes a 128-bit product of the test, which BPF does not have */
	barrier_var(most);
	return size > most ? SIZE_OVERFLOW : size * count;
}

static __always_inline u8 log2_of(u64 alignment)
{
	u8 log2 = 0;

	if (alignment & 0xffffffff00000000ULL)
		log2 += 32;
	if (alignment & 0xffff0000ffff0000ULL)
		log2 += 16;
	if (alignment & 0xff00ff00ff00ff00ULL)
		log2 += 8;
	if (alignment & 0xf0f0f0f0f0f0f0f0ULL)
		log2 += 4;
	if (alignment & 0xccccccccccccccccULL)
		log2 += 2;
	if (alignment & 0xaaaaaaaaaaaaaaaaULL)
		log2 += 1;
	return log2;
}

/*
 * One function that frees may hand the block on to another: C++'s delete to free, a preloaded
 * library's free to the C library's. Their returns are not seen, so it is told by this: it is the
 * block that the thread has just freed, at another site, and the return address of that call is
 * still where it was, at or above this call's. (To be taken for such a free by mistake, a free must
 * follow one at another site, of an address that another thread was given meanwhile, with the same
 * return address at the same place.)
 */
static __always_inline bool is_handed_on(struct pt_regs *ctx, struct thread *thread, u64 address,
					 u64 sp)
{
	u64 site = register_pc(ctx);

	if (address == thread->free_address && site != thread->free_site && sp <= thread->free_sp &&
	    is_free_pending(thread))
		return true;
	thread->free_address = address;
	thread->free_site = site;
	thread->free_sp = sp;
	thread->free_return = register_return(ctx, sp);
	return false;
}

static __always_inline void emit_free_of(struct task_struct *task, u64 cookie, u64 address,
					 u64 stack)
{
	struct event_free *event = event_reserve(sizeof(*event));

	if (!event)
		return;
	head_fill(&event->head, EVENT_FREE, task, cookie, 0);
	event->address = address;
	event->stack = stack;
	bpf_ringbuf_submit(event, wakeup_flag());
}

static __always_inline void emit_free(struct pt_regs *ctx, u64 cookie, struct thread *thread,
				      struct task_struct *task, u64 sp)
{
	u64 address = register_read(ctx, COOKIE_POINTER(cookie)), stack = 0;

	if (!address || (has_free_layers && is_handed_on(ctx, thread, address, sp)))
		return;
	thread_announce(thread, task);
	if (has_free_stacks)
		stack = stack_take(ctx, task, register_return(ctx, sp), sp + CALL_FRAME_BYTES);
	emit_free_of(task, cookie, address, stack);
}

static __always_inline void emit_alloc(struct thread *thread, struct task_struct *task, u64 address,
				       u64 stack)
{
	struct event_alloc *event = event_reserve(sizeof(*event));

	if (!event)
		return;
	head_fill(&event->head, EVENT_ALLOC, task, thread->cookie,
		  thread->align_log2 | (address ? 0 : EVENT_FAILED));
	event->address = address;
	event->size = thread->size;
	event->stack = stack;
	bpf_ringbuf_submit(event, wakeup_flag());
}

static __always_inline void emit_realloc(struct thread *thread, struct task_struct *task,
					 u64 address, u64 stack)
{
	struct event_realloc *event = event_reserve(sizeof(*event));
	u64 duration;

	if (!event)
		return;
	head_fill(&event->head, EVENT_REALLOC, task, thread->cookie, address ? 0 : EVENT_FAILED);
	duration = event->head.time_ns - thread->entry_ns;
	event->head.duration_ns = duration >> 32 ? ~0U : (u32)duration;
	event->address = address;
	event->size = thread->size;
	event->stack = stack;
	event->old_address = thread->pointer;
	bpf_ringbuf_submit(event, wakeup_flag());
}

/* realloc(p, 0) that returned NULL has freed p (C17 leaves it open; glibc does). */
static __always_inline void emit_realloc_free(struct thread *thread, struct task_struct *task)
{
	struct event_free *event = event_reserve(sizeof(*event));

	if (!event)
		return;
	head_fill(&event->head, EVENT_FREE, task, thread->cookie, 0);
	event->head.time_ns = thread->entry_ns;
	event->address = thread->pointer;
	event->stack = 0;
	bpf_ringbuf_submit(event, wakeup_flag());
}

static __always_inline void emit_mapping(struct thread *thread, struct task_struct *task,
					 u64 address, u64 size, u64 stack, bool has_failed)
{
	struct event_mapping *event = event_reserve(sizeof(*event));
	u64 duration;

	if (!event)
		return;
	head_fill(&event->head, EVENT_MAPPING, task, thread->cookie,
		  (has_failed ? EVENT_FAILED : 0) | (thread->is_of_file ? EVENT_OF_FILE : 0));
	duration = event->head.time_ns - thread->entry_ns;
	event->head.duration_ns = duration >> 32 ? ~0U : (u32)duration;
	event->address = address;
	event->size = size;
	event->stack = stack;
	event->old_address = thread->pointer;
	event->old_size = thread->old_size;
	bpf_ringbuf_submit(event, wakeup_flag());
}

/* Is it the allocator that maps or unmaps, in a call that frees? Such a call's return is not seen. */
static __always_inline bool is_in_free(struct thread *thread, u64 sp)
{
	return thread->free_return && sp < thread->free_sp && is_free_pending(thread);
}

static __always_inline void emit_unmap(struct pt_regs *ctx, u64 cookie, struct thread *thread,
				       struct task_struct *task, u64 sp)
{
	u64 address = register_read(ctx, COOKIE_POINTER(cookie));
	u64 size = register_read(ctx, COOKIE_SIZE(cookie));
	struct event_mapping *event;

	/* the kernel refuses what begins inside a page */
	if (!size || (address & (PAGE_BYTES - 1)) || is_in_free(thread, sp))
		return;
	thread_announce(thread, task);
	event = event_reserve(sizeof(*event));
	if (!event)
		return;
	head_fill(&event->head, EVENT_MAPPING, task, cookie, 0);
	event->address = event->size = event->stack = 0;
	event->old_address = address;
	event->old_size = size;
	bpf_ringbuf_submit(event, wakeup_flag());
}

/* The arguments of a call that maps. */
static __always_inline void mapping_enter(struct pt_regs *ctx, struct thread *thread,
					  struct task_struct *task, u32 kind)
{
	u64 flags = register_read(ctx, COOKIE_COUNT(thread->cookie));

	thread->is_of_file = kind == CALL_MAP && !(flags & MAP_ANONYMOUS);
	thread->old_size = 0;
	if (kind == CALL_MAP)
		thread->pointer = 0; /* where it would like it to be */
	if (kind == CALL_REMAP && !(flags & MREMAP_DONTUNMAP))
		thread->old_size = register_read(ctx, COOKIE_ALIGNMENT(thread->cookie));
	if (kind == CALL_BREAK)
		thread->pointer = break_of(task);
}

static __always_inline void mapping_leave(struct pt_regs *ctx, struct thread *thread,
					  struct task_struct *task, u32 kind)
{
	u64 address = register_result(ctx), size = thread->size, stack = 0;
	bool has_failed = address >= ERRORS_FROM;

	if (kind == CALL_BREAK) {
		u64 before = thread->pointer, now = break_of(task);
		/* asking where it is moves nothing */
		if (now == before)
			return;
		has_failed = false;
		address = now > before ? before : 0;
		size = now > before ? now - before : 0;
		thread->pointer = now > before ? 0 : now;
		thread->old_size = now > before ? 0 : before - now;
	}
	if (has_failed)
		address = 0;
	if (address)
		stack = stack_take(ctx, task, register_pc(ctx), register_sp(ctx));
	emit_mapping(thread, task, address, size, stack, has_failed);
}

/*
 * A call that returns a block begins. sp is its stack pointer at entry; the word there is the
 * return address. Returns 1 where the return need not be seen.
 */
static __always_inline int call_enter(struct pt_regs *ctx, u64 cookie)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	u64 pointer = register_read(ctx, COOKIE_POINTER(cookie));
	u64 sp = register_sp(ctx);
	u32 kind = COOKIE_KIND(cookie);
	struct thread *thread;

	if (phase != PHASE_OPEN || !is_target(task))
		return 1;
	thread = thread_or_lost(task);
	if (!thread)
		return 1;
	if (is_nested(thread, sp) ||
	    (has_mappings && CALL_IS_MAPPING(kind) && is_in_free(thread, sp)))
		return 1;
	thread->sp = sp;
	thread->free_address = 0; /* it may be given out again */
	thread->free_return = 0;
	thread->cookie = cookie;
	thread->size = call_size(ctx, cookie);
	thread->pointer = pointer;
	thread->align_log2 = COOKIE_ALIGNMENT(cookie) && !CALL_IS_MAPPING(kind)
				     ? log2_of(register_read(ctx, COOKIE_ALIGNMENT(cookie)))
				     : 0;
	if (is_reallocation(kind) || CALL_IS_MAPPING(kind))
		thread->entry_ns = bpf_ktime_get_ns();
	if (has_mappings && CALL_IS_MAPPING(kind))
		mapping_enter(ctx, thread, task, kind);
	return 0;
}

/* The block that a call returned; 0 where it failed. */
static __always_inline u64 call_result(struct pt_regs *ctx, struct thread *thread)
{
	u64 result = register_result(ctx), block = 0;

	if (COOKIE_KIND(thread->cookie) == CALL_RESIZE)
		return result >= thread->size ? thread->pointer : 0;
	if (COOKIE_KIND(thread->cookie) != CALL_ALLOC_OUT)
		return result;
	if ((int)result == 0)
		bpf_probe_read_user(&block, sizeof(block), (void *)thread->pointer);
	return block;
}

/*
 * A call returns. is_session: only returns of counted calls come here; else nested ones do, too,
 * and are told apart by their stack pointer.
 */
static __always_inline int call_leave(struct pt_regs *ctx, bool is_session)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct thread *thread;
	u64 address, stack = 0;
	u32 kind;

	if (phase == PHASE_CLOSED || !is_target(task))
		return 0;
	thread = thread_of(task);
	if (!thread || !thread->sp || register_sp(ctx) != thread->sp + CALL_FRAME_BYTES) {
		if (is_session) {
			COUNT(emitted);
			COUNT(lost[LOSS_UNMATCHED]);
		}
		return 0;
	}
	thread_announce(thread, task);
	kind = COOKIE_KIND(thread->cookie);
	if (has_mappings && CALL_IS_MAPPING(kind)) {
		mapping_leave(ctx, thread, task, kind);
		thread->sp = 0;
		return 0;
	}
	address = call_result(ctx, thread);
	if (address)
		stack = stack_take(ctx, task, register_pc(ctx), register_sp(ctx));
	if (is_reallocation(kind) && thread->pointer) {
		if (!address && thread->size == 0)
			emit_realloc_free(thread, task);
		else
			emit_realloc(thread, task, address, stack);
	} else {
		emit_alloc(thread, task, address, stack);
	}
	thread->sp = 0;
	return 0;
}

static __always_inline u64 point_argument(struct pt_regs *ctx, const struct point_argument *argument)
{
	u64 value = argument->reg == SP_REGISTER ? register_sp(ctx)
						 : register_read(ctx, argument->reg);

	value += argument->displacement;
	if (argument->in_memory) {
		u64 at = value;
		value = 0;
		bpf_probe_read_user(&value, sizeof(value), (void *)at);
	}
	return argument->bytes == 4 ? (u32)value : value;
}

/* The stack of a thread that is at a static probe point. */
static __noinline u64 stack_take_here(struct pt_regs *ctx, struct task_struct *task)
{
	return stack_take_from(ctx, task, register_pc(ctx), register_sp(ctx), true);
}

/* A static probe point is passed: no call, so that nothing is nested in it. */
static __always_inline void point_pass(struct pt_regs *ctx, u64 cookie, struct thread *thread,
				       struct task_struct *task)
{
	const struct point *point = &points[COOKIE_POINT(cookie) & (POINTS_MAX - 1)];
	u64 address = point_argument(ctx, &point->pointer), stack = 0;
	bool is_free = COOKIE_KIND(cookie) == CALL_POINT_FREE;

	if (!address)
		return;
	thread_announce(thread, task);
	if (!is_free || has_free_stacks)
		stack = stack_take_here(ctx, task);
	if (is_free) {
		emit_free_of(task, cookie, address, stack);
		return;
	}
	thread->cookie = cookie;
	thread->size = point_argument(ctx, &point->size);
	thread->align_log2 = 0;
	emit_alloc(thread, task, address, stack);
}

static __always_inline int free_enter(struct pt_regs *ctx, u64 cookie)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	u64 sp = register_sp(ctx) + COOKIE_SP_OFFSET(cookie); /* at the entry; a point has none */
	struct thread *thread;

	if (phase == PHASE_CLOSED || !is_target(task))
		return 0;
	thread = thread_or_lost(task);
	if (!thread)
		return 0;
	if (has_points && CALL_IS_POINT(COOKIE_KIND(cookie))) {
		point_pass(ctx, cookie, thread, task);
		return 0;
	}
	if (is_nested(thread, sp))
		return 0;
	if (has_mappings && COOKIE_KIND(cookie) == CALL_UNMAP)
		emit_unmap(ctx, cookie, thread, task, sp);
	else
		emit_free(ctx, cookie, thread, task, sp);
	return 0;
}

#endif
