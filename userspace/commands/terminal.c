// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDTH_WITHOUT 160 /* a terminal */
#define WIDTH_MIN     20
#define WIDTH_MAX     1000

static struct {
	pid_t pager; /* 0: none */
	bool is_emphasised;
	int columns; /* of the terminal, before a pager has taken its place; 0: it is none */
} terminal;

bool terminal_color_parse(const char *text, enum terminal_color *color)
{
	static const char *const NAMES[] = { "auto", "always", "never" };

	for (int i = 0; i < 3; i++)
		if (strcmp(text, NAMES[i]) == 0) {
			*color = (enum terminal_color)i;
			return true;
		}
	return false;
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

static bool can_emphasise(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !is_set("NO_COLOR") && term && strcmp(term, "dumb") != 0;
}

/* Under sudo the pager runs as root: one that knows of it starts no other programs. */
static _Noreturn void run_pager(const char *command)
{
	setenv("LESS", "FRX", 0);
	setenv("LESSSECURE", "1", 1);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static void start_pager(void)
{
	const char *command = is_set("HEAPTRAIL_PAGER") ? getenv("HEAPTRAIL_PAGER")
			      : is_set("PAGER")		? getenv("PAGER")
							: "less 2>/dev/null || cat";
	int fds[2];

	if (strcmp(command, "cat") == 0 || pipe(fds))
		return;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(fds[0], STDIN_FILENO);
		close(fds[0]);
		close(fds[1]);
		run_pager(command);
	}
	close(fds[0]);
	if (pid > 0) {
		dup2(fds[1], STDOUT_FILENO);
		terminal.pager = pid;
		/* whoever has read enough leaves the pager: that is no error */
		signal(SIGPIPE, SIG_IGN);
	}
	close(fds[1]);
}

void terminal_begin(enum terminal_color color, bool has_pager)
{
	struct winsize size;

	terminal.is_emphasised = color == COLOR_ALWAYS || (color == COLOR_AUTO && can_emphasise());
	if (!isatty(STDOUT_FILENO))
		return;
	terminal.columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col
										       : 80;
	if (has_pager)
		start_pager();
}

bool terminal_end(void)
{
	/* an earlier write that failed is not told by a later one */
	bool is_written = fflush(stdout) == 0 && !ferror(stdout);

	if (!terminal.pager)
		return is_written;
	clearerr(stdout);
	close(STDOUT_FILENO);
	while (waitpid(terminal.pager, NULL, 0) < 0 && errno == EINTR)
		;
	return true;
}

int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");

	int width = columns && atoi(columns) > 0 ? atoi(columns)
		    : terminal.columns		 ? terminal.columns
						 : WIDTH_WITHOUT;

	return width < WIDTH_MIN ? WIDTH_MIN : width < WIDTH_MAX ? width : WIDTH_MAX;
}

const char *terminal_strong(void)
{
	return terminal.is_emphasised ? "\033[1m" : "";
}

const char *terminal_plain(void)
{
	return terminal.is_emphasised ? "\033[0m" : "";
}
