/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that print the call chains that they cause.
 *
 * Every allocation of a case has a size of its own, by which tests/lib/compare-chains finds it in a
 * report. A chain is the functions on the stack, leaf first, in words. Instead of a name: `?` one
 * frame without a name, `...` any frames,
 * `@main` main and what called it, `@thread` what a thread begins with.
 */
#ifndef CHAINS_H
#define CHAINS_H

#include <stddef.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

enum chain_kind {
	CHAIN_EXACT,  /* these frames, and the stack is called complete */
	CHAIN_SIGNAL, /* these frames, below and above a signal's: complete, or called uncertain for
			 that */
	CHAIN_GUESS,  /* these frames, and the stack is called one by frame pointers */
	CHAIN_PREFIX, /* what is found may end early, with a reason; but nothing else is found */
	CHAIN_INTERRUPTED, /* many stacks of these frames, each complete, or called uncertain for a
			      signal and not these frames; complete at some time */
	CHAIN_LATER,	   /* allocated many times: a prefix at first, and complete at some time */
};

void chain(size_t size, enum chain_kind kind, const char *frames);

/* As other targets do: [-g FIFO] [-o FILE] (tests/programs/truth.h). */
void chains_begin(int argc, char **argv);
void chains_end(void) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif

#ifdef __clang__
#define FUNCTION __attribute__((noinline, used))
#else
#define FUNCTION __attribute__((noipa))
#endif

/* What precedes it is no tail call. */
#define STAY __asm__ volatile("" : : : "memory")

/* The block is never freed. */
#define ALLOCATE(size)                               \
	do {                                         \
		void *volatile block = malloc(size); \
		(void)block;                         \
		STAY;                                \
	} while (0)

#endif
