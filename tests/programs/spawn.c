// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs programs at the same time, and waits for them: spawn PROGRAM [ARG...] [, PROGRAM
 * [ARG...]]...
 *
 * Their processes make no allocation of their own before exec. */
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

int main(int argc, char **argv)
{
	char **program = argv + 1;

	for (int i = 1; i <= argc; i++) {
		pid_t pid;
		if (argv[i] && strcmp(argv[i], ",") != 0)
			continue;
		argv[i] = NULL;
		if (*program && posix_spawn(&pid, *program, NULL, NULL, program, environ))
			return 1;
		program = argv + i + 1;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
