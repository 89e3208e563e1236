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

/* The stack pointer's number, which register_read() does not know. */
#define SP_REGISTER 8

/*
 * One register by a load with a constant offset: left to itself, the compiler makes one load with a
 * computed offset of the whole switch, and the verifier refuses computed offsets into the context.
 */
#define REGISTER_CASE(number, field)                                                      \
	case number:                                                                      \
		asm volatile("%0 = *(u64 *)(%1 + %2)"                                     \
			     : "=r"(value)                                                \
			     : "r"(ctx), "i"(__builtin_offsetof(struct pt_regs, field))); \
		break;

/* number is DWARF's plus one; 0 and unknown numbers read as 0 */
static __always_inline u64 register_read(struct pt_regs *ctx, u32 number)
{
	u64 value = 0;

	switch (number) {
#if defined(__TARGET_ARCH_x86)
		REGISTER_CASE(1, ax)
		REGISTER_CASE(2, dx)
		REGISTER_CASE(3, cx)
		REGISTER_CASE(4, bx)
		REGISTER_CASE(5, si)
		REGISTER_CASE(6, di)
		REGISTER_CASE(7, bp)
		REGISTER_CASE(9, r8)
		REGISTER_CASE(10, r9)
		REGISTER_CASE(11, r10)
		REGISTER_CASE(12, r11)
		REGISTER_CASE(13, r12)
		REGISTER_CASE(14, r13)
		REGISTER_CASE(15, r14)
		REGISTER_CASE(16, r15)
#else
		REGISTER_CASE(1, user_regs.regs[0])
		REGISTER_CASE(2, user_regs.regs[1])
		REGISTER_CASE(3, user_regs.regs[2])
		REGISTER_CASE(4, user_regs.regs[3])
		REGISTER_CASE(5, user_regs.regs[4])
		REGISTER_CASE(6, user_regs.regs[5])
		REGISTER_CASE(7, user_regs.regs[6])
		REGISTER_CASE(8, user_regs.regs[7])
#endif
	}
	return value;
}

static __always_inline u64 register_sp(struct pt_regs *ctx)
{
#if defined(__TARGET_ARCH_x86)
	return ctx->sp;
#else
	return ((struct user_pt_regs *)ctx)->sp;
#endif
}

static __always_inline u64 register_bp(struct pt_regs *ctx)
{
#if defined(__TARGET_ARCH_x86)
	return ctx->bp;
#else
	return ((struct user_pt_regs *)ctx)->regs[29];
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

/* Where a function that has just been entered will return to; sp: its stack pointer there. */
static __always_inline u64 register_return(struct pt_regs *ctx, u64 sp)
{
#if defined(__TARGET_ARCH_x86)
	u64 address = 0;

	bpf_probe_read_user(&address, sizeof(address), (void *)sp);
	return address;
#else
	return ((struct user_pt_regs *)ctx)->regs[30];
#endif
}

static __always_inline u64 register_result(struct pt_regs *ctx)
{
	return register_read(ctx, 1);
}

#endif
