/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of the probed thread, by DWARF's numbers: the verifier wants constant offsets, hence a
 * switch. */
#ifndef HEAPTRAIL_BPF_REGISTERS_BPF_H
#define HEAPTRAIL_BPF_REGISTERS_BPF_H

/* What a return pops: the return address, where the architecture keeps it on the stack. */
#if defined(__TARGET_ARCH_x86)
#define CALL_FRAME_BYTES 8
#else
#define CALL_FRAME_BYTES 0
#endif

/* number is DWARF's plus one; 0 and unknown numbers read as 0 */
static __always_inline u64 register_read(struct pt_regs *ctx, u32 number)
{
#if defined(__TARGET_ARCH_x86)
	switch (number) {
	case 1: return ctx->ax;
	case 2: return ctx->dx;
	case 3: return ctx->cx;
	case 4: return ctx->bx;
	case 5: return ctx->si;
	case 6: return ctx->di;
	case 7: return ctx->bp;
	case 9: return ctx->r8;
	case 10: return ctx->r9;
	case 11: return ctx->r10;
	case 12: return ctx->r11;
	case 13: return ctx->r12;
	case 14: return ctx->r13;
	case 15: return ctx->r14;
	case 16: return ctx->r15;
	}
	return 0;
#else
	struct user_pt_regs *regs = (void *)ctx;

	switch (number) {
	case 1: return regs->regs[0];
	case 2: return regs->regs[1];
	case 3: return regs->regs[2];
	case 4: return regs->regs[3];
	case 5: return regs->regs[4];
	case 6: return regs->regs[5];
	}
	return 0;
#endif
}

static __always_inline u64 register_sp(struct pt_regs *ctx)
{
#if defined(__TARGET_ARCH_x86)
	return ctx->sp;
#else
	return ((struct user_pt_regs *)ctx)->sp;
#endif
}

/* After a return: the return address. */
static __always_inline u64 register_pc(struct pt_regs *ctx)
{
#if defined(__TARGET_ARCH_x86)
	return ctx->ip;
#else
	return ((struct user_pt_regs *)ctx)->pc;
#endif
}

static __always_inline u64 register_result(struct pt_regs *ctx)
{
	return register_read(ctx, 1);
}

#endif
