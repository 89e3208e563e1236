// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls the cases of cfi.S, from a frame that is found by rbp. */
#include "chains.h"

#include <setjmp.h>

typedef void asm_case(size_t size);

void rbp_frame(size_t size, asm_case *call);
asm_case deref_rbp, deref_rsp, rbp_in_the_middle, rbp_far_away, rbp_in_register, rbp_by_expression,
	cfa_by_rbx, cfa_by_sum, return_address_moved, pushes, early_return, last_is_call, two_parts,
	signed_offsets, negative_offset, outermost, says_nothing, misleads;

void allocate(size_t size);
void allocate_and_leave(size_t size);
void nothing(void);

static jmp_buf back;

FUNCTION void allocate(size_t size)
{
	ALLOCATE(size);
}

FUNCTION void allocate_and_leave(size_t size)
{
	ALLOCATE(size);
	longjmp(back, 1);
}

FUNCTION void nothing(void)
{
	STAY;
}

FUNCTION void calls_case(asm_case *function, size_t size)
{
	if (!setjmp(back))
		rbp_frame(size, function);
	STAY;
}

int main(int argc, char **argv)
{
#define EXACT(name)                                                                \
	{                                                                          \
		name, CHAIN_EXACT, "allocate " #name " rbp_frame calls_case @main" \
	}
#define PREFIX(name)                                                                \
	{                                                                           \
		name, CHAIN_PREFIX, "allocate " #name " rbp_frame calls_case @main" \
	}
	static const struct {
		asm_case *function;
		enum chain_kind kind;
		const char *frames;
	} CASES[] = {
		EXACT(deref_rbp),
		EXACT(deref_rsp),
		EXACT(rbp_in_the_middle),
		PREFIX(rbp_far_away),
		PREFIX(rbp_in_register),
		PREFIX(rbp_by_expression),
		PREFIX(cfa_by_rbx),
		PREFIX(cfa_by_sum),
		PREFIX(return_address_moved),
		EXACT(pushes),
		EXACT(early_return),
		{ last_is_call, CHAIN_EXACT,
		  "allocate_and_leave last_is_call rbp_frame calls_case @main" },
		EXACT(two_parts),
		EXACT(signed_offsets),
		EXACT(negative_offset),
		{ outermost, CHAIN_EXACT, "allocate outermost" },
		{ says_nothing, CHAIN_GUESS, "allocate says_nothing rbp_frame calls_case @main" },
		/* its caller is missed: that rbp is not its own, nobody can tell */
		{ misleads, CHAIN_GUESS, "allocate misleads calls_case @main" },
	};

	chains_begin(argc, argv);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		calls_case(CASES[i].function, 14000 + i);
		chain(14000 + i, CASES[i].kind, CASES[i].frames);
	}
	chains_end();
}
