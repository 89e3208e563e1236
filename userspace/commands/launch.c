// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/launch.h"

#include "base/io.h"
#include "commands/command.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_STOP (SIGTRAP | 0x80)

#if defined(__x86_64__)
#define BREAKPOINT	0xccUL
#define BREAKPOINT_MASK 0xffUL
#elif defined(__aarch64__)
#define BREAKPOINT	0xd4200000UL
#define BREAKPOINT_MASK 0xffffffffUL
#endif

static _Noreturn void be_child(char **command, int gate, int fault)
{
	sigset_t none;
	char byte;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (read(gate, &byte, 1) != 1)
		_exit(0);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	execvp(command[0], command);
	int error = errno;
	if (write(fault, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(error == ENOENT ? 127 : 126);
}

int launch_prepare(struct launch *launch, char **command)
{
	int gate[2], fault[2];

	if (pipe2(gate, O_CLOEXEC) || pipe2(fault, O_CLOEXEC))
		return command_fail(EXIT_FAILED, "%s", strerror(errno));
	launch->pid = fork();
	if (launch->pid < 0)
		return command_fail(EXIT_FAILED, "%s: cannot be started: %s", command[0],
				    strerror(errno));
	if (launch->pid == 0) {
		close(gate[1]);
		be_child(command, gate[0], fault[1]);
	}
	close(gate[0]);
	close(fault[1]);
	launch->gate = gate[1];
	launch->fault = fault[0];
	return EXIT_DONE;
}

/* Entry point of the program and base of its loader (0: it has none), from the kernel's own vector.
 */
static int read_auxv(pid_t pid, uint64_t *entry, uint64_t *base)
{
	char path[32];
	Elf64_auxv_t vector[64];

	*entry = *base = 0;
	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, vector, sizeof(vector));
	io_close(&fd);
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(vector[0]); i++) {
		if (vector[i].a_type == AT_ENTRY)
			*entry = vector[i].a_un.a_val;
		if (vector[i].a_type == AT_BASE)
			*base = vector[i].a_un.a_val;
	}
	return *entry ? 0 : -1;
}

/* Did this stop end an mmap of a file's code? */
static int has_mapped_code(pid_t pid, uint64_t *prot)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return 0;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		int is_file = info.entry.nr == SYS_mmap && !(info.entry.args[3] & MAP_ANONYMOUS);
		*prot = is_file ? info.entry.args[2] : 0;
		return 0;
	}
	return info.op == PTRACE_SYSCALL_INFO_EXIT && !info.exit.is_error && (*prot & PROT_EXEC);
}

/* Stands the child at its entry point again, after the breakpoint there: as if it had not been. */
static int leave_breakpoint(pid_t pid, uint64_t entry, long word)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_POKETEXT, pid, entry, word) ||
	    ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov))
		return -errno;
#if defined(__x86_64__)
	if (regs.rip != entry + 1)
		return -EINVAL;
	regs.rip = entry;
#elif defined(__aarch64__)
	regs.pc = entry;
#endif
	return ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov) ? -errno : 0;
}

/* From one stop to the next until the entry point. */
static int follow_loader(pid_t pid, uint64_t entry, long word, int (*scan)(void *, pid_t),
			 void *context)
{
	uint64_t prot = 0;
	int signal = 0, status;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, signal) || waitpid(pid, &status, 0) != pid)
			return command_fail(EXIT_FAILED, "the command cannot be followed: %s",
					    strerror(errno));
		/* its loader refused it, and has said why */
		if (!WIFSTOPPED(status))
			return EXIT_TARGET;
		signal = WSTOPSIG(status);
		if (signal == SIGTRAP && leave_breakpoint(pid, entry, word) == 0)
			return EXIT_DONE;
		if (signal != SYSCALL_STOP)
			continue;
		signal = 0;
		if (has_mapped_code(pid, &prot)) {
			int scanned = scan(context, pid);
			if (scanned)
				return scanned;
		}
	}
}

static int explain_exec(struct launch *launch)
{
	int error = 0, status = 0;

	if (io_read(launch->fault, &error, sizeof(error)))
		error = 0;
	waitpid(launch->pid, &status, 0);
	launch->pid = 0;
	return command_fail(error == ENOENT ? 127 : 126, "the command cannot be executed: %s",
			    error ? strerror(error) : "it ended before it began");
}

int launch_run(struct launch *launch, int (*scan)(void *context, pid_t pid), void *context)
{
	pid_t pid = launch->pid;
	uint64_t entry, base;
	int status;

	if (write(launch->gate, "", 1) != 1 || waitpid(pid, &status, 0) != pid ||
	    !WIFSTOPPED(status))
		return explain_exec(launch);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	int result = scan(context, pid);
	if (!result && read_auxv(pid, &entry, &base))
		result = command_fail(EXIT_FAILED, "the command's entry point cannot be found");
	if (!result && base) {
		errno = 0;
		long word = ptrace(PTRACE_PEEKTEXT, pid, entry, NULL);
		long trap = (long)(((unsigned long)word & ~BREAKPOINT_MASK) | BREAKPOINT);
		if (errno || ptrace(PTRACE_POKETEXT, pid, entry, trap))
			result = command_fail(EXIT_FAILED, "the command cannot be followed: %s",
					      strerror(errno));
		else
			result = follow_loader(pid, entry, word, scan, context);
	}
	if (result)
		return result;
	launch->is_running = 1;
	return ptrace(PTRACE_DETACH, pid, NULL, 0)
		       ? command_fail(EXIT_FAILED, "the command cannot be let go: %s",
				      strerror(errno))
		       : EXIT_DONE;
}

void launch_finish(struct launch *launch)
{
	int status;

	if (launch->pid <= 0)
		return;
	if (!launch->is_running)
		kill(launch->pid, SIGKILL);
	/* one that runs on is nobody's prisoner: it is reaped by whoever outlives us */
	waitpid(launch->pid, &status, launch->is_running ? WNOHANG : 0);
	launch->pid = 0;
}
