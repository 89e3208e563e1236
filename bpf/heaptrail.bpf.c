// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel side. A probe on an allocator function runs one of the programs below; each reads:
 *
 *   filter      is this thread's target one of ours?
 *   allocators  is this the outermost call, what does it do with memory, what came of it?
 *   marks       what the program says of itself
 *   stacks      who called, named by a hash and sent once
 *   unwind      from frame to frame, by tables of each file
 *   emit        the record goes into the ring, or is counted as lost
 *
 * Which programs are loaded depends on what the kernel can attach (userspace/tracing/features.c).
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "bpf/maps.bpf.h"
#include "bpf/registers.bpf.h"
#include "bpf/filter.bpf.h"
#include "bpf/emit.bpf.h"
#include "bpf/stacks.bpf.h"
#include "bpf/allocators.bpf.h"
#include "bpf/marks.bpf.h"

char LICENSE[] SEC("license") = "GPL";

extern bool bpf_session_is_return(void) __ksym __weak;

/* Kernel >= 6.13: entry and return in one program; the entry cancels a return that nobody needs. */
SEC("uprobe")
int call_session(struct pt_regs *ctx)
{
	if (bpf_session_is_return())
		return call_leave(ctx, true);
	return call_enter(ctx, bpf_get_attach_cookie(ctx));
}

/* Kernel < 6.13: two programs at one site; a nested call's return is told apart by its stack
 * pointer. */
SEC("uprobe")
int call_entry(struct pt_regs *ctx)
{
	call_enter(ctx, bpf_get_attach_cookie(ctx));
	return 0;
}

SEC("uprobe")
int call_return(struct pt_regs *ctx)
{
	return call_leave(ctx, false);
}

/* Calls whose return does not matter. */
SEC("uprobe")
int call_free(struct pt_regs *ctx)
{
	return free_enter(ctx, bpf_get_attach_cookie(ctx));
}

/* Places that tell of a moment or of a scope. */
SEC("uprobe")
int call_mark(struct pt_regs *ctx)
{
	return mark_pass(ctx, bpf_get_attach_cookie(ctx));
}
