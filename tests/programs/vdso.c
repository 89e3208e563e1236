// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asks for the time, and allocates in signal handlers that interrupted the kernel's code for that:
 * vdso [-g FIFO] [-o FILE] [COUNT]
 */
#include "truth.h"

#include <elf.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

static volatile uint64_t left;
static uintptr_t vdso;

SITE struct block site_in_vdso(size_t size)
{
	return block_malloc(__func__, size);
}

static void handle(int number, siginfo_t *info, void *context)
{
	uintptr_t pc = (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	(void)number, (void)info;
	/* two pages hold its code; the loop below allocates nothing, so that malloc is safe here */
	if (!left || pc < vdso || pc >= vdso + 8192)
		return;
	struct block block = site_in_vdso(48);
	block_free(&block);
	left--;
}

SITE void ask_for_the_time(void)
{
	struct timespec now;

	for (int i = 0; i < 1000; i++)
		clock_gettime(CLOCK_MONOTONIC, &now);
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO };
	struct itimerval interval = { { 0, 2000 }, { 0, 2000 } }, off = { 0 };

	vdso = getauxval(AT_SYSINFO_EHDR);
	if (!vdso || sigaction(SIGALRM, &action, NULL))
		return 1;
	truth_go();
	left = truth_number(argc, argv, next, 50);
	setitimer(ITIMER_REAL, &interval, NULL);
	while (left)
		ask_for_the_time();
	setitimer(ITIMER_REAL, &off, NULL);
	truth_end();
}
