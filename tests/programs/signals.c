// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocates in signal handlers, on the normal and on an alternate stack: signals [-g FIFO] [COUNT]
 *
 * Each handler interrupts this program only where it raises the signal itself, so that malloc is
 * safe there.
 */
#include "truth.h"

#include <signal.h>

SITE struct block site_handler_malloc(size_t size)
{
	return block_malloc(__func__, size);
}

static void handle(int number)
{
	struct block block = site_handler_malloc(100 + (size_t)number);

	block_free(&block);
}

int main(int argc, char **argv)
{
	static char stack[65536];
	int next = truth_arguments(argc, argv);
	uint64_t count = truth_number(argc, argv, next, 50);
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction normal = { .sa_handler = handle };
	struct sigaction other = { .sa_handler = handle, .sa_flags = SA_ONSTACK };

	if (sigaltstack(&alternate, NULL) || sigaction(SIGUSR1, &normal, NULL) ||
	    sigaction(SIGUSR2, &other, NULL))
		return 1;
	truth_go();
	for (uint64_t i = 0; i < count; i++)
		raise(i % 2 ? SIGUSR1 : SIGUSR2);
	truth_end();
}
