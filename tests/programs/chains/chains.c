// SPDX-License-Identifier: GPL-2.0-or-later
#include "chains.h"

#include "../truth.h"

static const char *const KINDS[] = { "exact",  "signal",      "guess",
				     "prefix", "interrupted", "later" };

void chain(size_t size, enum chain_kind kind, const char *frames)
{
	truth_put_number(size);
	truth_put(" ");
	truth_put(KINDS[kind]);
	truth_put(" ");
	truth_put(frames);
	truth_put("\n");
}

void chains_begin(int argc, char **argv)
{
	truth_arguments(argc, argv);
	truth_go();
}

void chains_end(void)
{
	char name[4096];
	int fd = STDOUT_FILENO;

	if (truth_output) {
		if (strlen(truth_output) + 5 > sizeof(name))
			_exit(1);
		strcat(strcpy(name, truth_output), ".tmp");
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	}
	truth_write(fd);
	if (truth_output && rename(name, truth_output) < 0)
		_exit(1);
	truth_await();
	_exit(0);
}
