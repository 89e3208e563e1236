// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The production unwinder at random hits of an allocator's probes, and beside its result all that
 * another unwinder needs to do the same: registers and a copy of the stack. The target is then
 * stopped by a signal, so that its mappings and files are those of that moment until it has been
 * looked at.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "bpf/maps.bpf.h"
#include "bpf/registers.bpf.h"
#include "bpf/filter.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/stacks.bpf.h"
#include "tests/fidelity/stop.h"

char LICENSE[] SEC("license") = "GPL";

#define STOP_SIGNAL 19

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 32 << 20);
} stops SEC(".maps");

u32 every = 1;	  /* one hit of this many, at random */
u32 is_over;	  /* nothing is wanted any more */
u64 hits, missed; /* missed: chosen, but the ring was full */

static __always_inline void copy_registers(struct stop *stop, struct pt_regs *ctx)
{
	u64 *registers = stop->registers;

	registers[0] = ctx->ax;
	registers[1] = ctx->dx;
	registers[2] = ctx->cx;
	registers[3] = ctx->bx;
	registers[4] = ctx->si;
	registers[5] = ctx->di;
	registers[6] = ctx->bp;
	registers[7] = ctx->sp;
	registers[8] = ctx->r8;
	registers[9] = ctx->r9;
	registers[10] = ctx->r10;
	registers[11] = ctx->r11;
	registers[12] = ctx->r12;
	registers[13] = ctx->r13;
	registers[14] = ctx->r14;
	registers[15] = ctx->r15;
	registers[16] = ctx->ip;
}

/* libdw would find trampolines in their place. */
static __always_inline void copy_returns(struct stop *stop)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct uprobe_task *utask = task->utask;
	struct return_instance *instance = utask ? utask->return_instances : 0;
	int i;

	for (i = 0; i < STOP_RETURNS; i++) {
		stop->returns[i].at = stop->returns[i].was = 0;
		if (!instance)
			continue;
		stop->returns[i].at = instance->stack;
		stop->returns[i].was = instance->orig_ret_vaddr;
		instance = instance->next;
	}
}

static __always_inline void copy_stack(struct stop *stop, u64 sp)
{
	u64 start = sp & ~(u64)(PAGE_BYTES - 1), size = 0;
	int page;

#pragma unroll
	for (page = 0; page < STOP_PAGES; page++) {
		if (bpf_probe_read_user(&stop->copy[page * PAGE_BYTES], PAGE_BYTES,
					(void *)(start + page * PAGE_BYTES)))
			break;
		size += PAGE_BYTES;
	}
	stop->copy_start = start;
	stop->copy_size = size;
}

SEC("uprobe")
int probe_hit(struct pt_regs *ctx)
{
	u64 sp = ctx->sp + COOKIE_SP_OFFSET(bpf_get_attach_cookie(ctx)), return_address, stack;
	u64 pid_tgid = bpf_get_current_pid_tgid();
	struct stop *stop;

	if (is_over || !is_target((void *)bpf_get_current_task_btf()))
		return 0;
	__sync_fetch_and_add(&hits, 1);
	if (every == 0 || bpf_get_prandom_u32() % every)
		return 0;
	if (bpf_probe_read_user(&return_address, sizeof(return_address), (void *)sp))
		return 0;
	stack = stack_take(ctx, (void *)bpf_get_current_task_btf(), return_address, sp + 8);
	stop = bpf_ringbuf_reserve(&stops, sizeof(*stop), 0);
	if (!stop) {
		__sync_fetch_and_add(&missed, 1);
		return 0;
	}
	stop->pid = pid_tgid >> 32;
	stop->tid = (u32)pid_tgid;
	stop->stack = stack;
	copy_registers(stop, ctx);
	copy_returns(stop);
	copy_stack(stop, ctx->sp);
	/* before the record is seen: whoever has seen it lets the target go on */
	bpf_send_signal(STOP_SIGNAL);
	bpf_ringbuf_submit(stop, BPF_RB_FORCE_WAKEUP);
	return 0;
}
