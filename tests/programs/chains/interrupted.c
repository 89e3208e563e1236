// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocates in the handler of a timer's signal, which comes at any instruction of functions that do
 * little but to make and unmake their frame. Who called each of them is known.
 */
#include "chains.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#define TICKS	    3000
#define TICK_US	    1000
#define SIZE	    13001 /* of the first function's blocks */
#define ENOUGH_HITS 10

/* Each in a section of its own, whose bounds the linker tells. */
#define TICKED(name)                                                                \
	extern const char __start_ticked_##name[] __asm__("__start_ticked_" #name); \
	extern const char __stop_ticked_##name[] __asm__("__stop_ticked_" #name);   \
	FUNCTION __attribute__((section("ticked_" #name)))

TICKED(saves) void saves(void)
{
	__asm__ volatile("" : : : "rbx", "r12", "r13", "r14", "r15");
}

TICKED(has_large_frame) void has_large_frame(void)
{
	char room[3000];

	__asm__ volatile("" : : "r"(room) : "rbx", "r15", "memory");
}

TICKED(has_dynamic_frame) void has_dynamic_frame(size_t size)
{
	char *room = __builtin_alloca(size);

	__asm__ volatile("" : : "r"(room) : "rbx", "memory");
}

TICKED(realigns) void realigns(void)
{
	char room[64] __attribute__((aligned(64)));

	__asm__ volatile("" : : "r"(room) : "rbx", "r12", "memory");
}

TICKED(realigns_dynamic) void realigns_dynamic(size_t size)
{
	char aligned[64] __attribute__((aligned(64)));
	char *room = __builtin_alloca(size);

	__asm__ volatile("" : : "r"(aligned), "r"(room) : "rbx", "memory");
}

TICKED(calls_some) void calls_some(void)
{
	saves();
	has_large_frame();
	STAY;
}

TICKED(calls_others) void calls_others(size_t size)
{
	__asm__ volatile("" : : : "rbx", "r13", "r14");
	has_dynamic_frame(size);
	realigns();
	realigns_dynamic(size);
	STAY;
}

static struct {
	const char *start, *stop, *frames;
	unsigned int hits;
} ticked[] = {
#define ROW(name, callers)                                                        \
	{                                                                         \
		__start_ticked_##name, __stop_ticked_##name, #name " " callers, 0 \
	}
	ROW(saves, "calls_some spins @main"),
	ROW(has_large_frame, "calls_some spins @main"),
	ROW(has_dynamic_frame, "calls_others spins @main"),
	ROW(realigns, "calls_others spins @main"),
	ROW(realigns_dynamic, "calls_others spins @main"),
	ROW(calls_some, "spins @main"),
	ROW(calls_others, "spins @main"),
};
#define COUNT (sizeof(ticked) / sizeof(*ticked))

static volatile unsigned int ticks;

/* What is hit in the second half is to be complete: the first signal asks for the table. */
FUNCTION void handler(int number, siginfo_t *info, void *context)
{
	uintptr_t pc = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	(void)number;
	(void)info;
	ticks++;
	for (size_t i = 0; i < COUNT; i++) {
		if (pc < (uintptr_t)ticked[i].start || pc >= (uintptr_t)ticked[i].stop)
			continue;
		ticked[i].hits += ticks > TICKS / 2;
		ALLOCATE(SIZE + i);
	}
}

FUNCTION void spins(void)
{
	while (ticks < TICKS) {
		calls_some();
		calls_others(100);
	}
	STAY;
}

int main(int argc, char **argv)
{
	struct itimerval timer = { { 0, TICK_US }, { 0, TICK_US } }, none = { 0 };
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	char frames[200];

	chains_begin(argc, argv);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	spins();
	setitimer(ITIMER_REAL, &none, NULL);
	for (size_t i = 0; i < COUNT; i++) {
		strcpy(frames, "handler __restore_rt ");
		strcat(frames, ticked[i].frames);
		if (ticked[i].hits >= ENOUGH_HITS)
			chain(SIZE + i, CHAIN_INTERRUPTED, frames);
	}
	chains_end();
}
