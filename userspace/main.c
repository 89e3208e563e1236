// SPDX-License-Identifier: GPL-2.0-or-later
/* The front door: a subcommand's name is looked up, and its file does the rest. */
#include "commands/command.h"

#include <stdio.h>
#include <string.h>

/* What a full disk did not take was not told, whatever came of the command. */
static int finish(int status)
{
	if ((fflush(stdout) || ferror(stdout)) && status == EXIT_DONE)
		return command_fail(EXIT_FAILED, "not all of it could be written to standard output");
	return status;
}

static void print_help(FILE *out)
{
	fputs("heaptrail: who allocates memory in running programs, without restarting them\n\n"
	      "Usage: heaptrail COMMAND [OPTION...]\n\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-8s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
	fputs("\n`heaptrail COMMAND --help` tells more.\n", out);
}

int main(int argc, char **argv)
{
	static char title[64];

	if (argc < 2) {
		print_help(stderr);
		return EXIT_MISUSED;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return finish(EXIT_DONE);
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("heaptrail " HEAPTRAIL_VERSION);
		return finish(EXIT_DONE);
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(argv[1], COMMANDS[i].name) != 0)
			continue;
		snprintf(title, sizeof(title), "heaptrail %s", argv[1]);
		argv[1] = title;
		return finish(COMMANDS[i].run(argc - 1, argv + 1));
	}
	return command_fail(EXIT_MISUSED, "there is no command `%s'; try `heaptrail --help'",
			    argv[1]);
}
