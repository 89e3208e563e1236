// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * faults FILE PROGRAM kill N COMMAND...
 * faults FILE PROGRAM short N COMMAND...
 * faults FILE PROGRAM starve N COMMAND...
 *
 * Runs the command, and follows what it starts until the first process that executes a program of
 * that name. This one gets SIGKILL before its Nth system call, those not counted of which nobody
 * else can tell; or its Nth write of several bytes is one of half of them; or a worker, from its
 * Nth request for memory on, gets none. FILE tells whether that came, or how many there were, and
 * which signal it died of. The exit status is the command's.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
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

#include <linux/ptrace.h>

#define OPTIONS                                                                                \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | \
	 PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)

/* How the kernel comes back to a process from a probe that somebody has set. */
#define CALL_URETPROBE 335
#define CALL_UPROBE    336

enum kind {
	KILL,
	SHORT,
	STARVE,
	KIND_COUNT
};

static const char *const KINDS[KIND_COUNT] = { "kill", "short", "starve" };

static struct {
	const char *program;
	enum kind kind;
	unsigned long n; /* calls, writes or requests to go */
	pid_t pid;	 /* whom it meets; 0: nobody yet */
	bool is_done;
	bool has_begun;	  /* itself, after what loads it */
	bool is_confined; /* before, it is libseccomp that may crash */
	uint64_t call,
		asked; /* that was changed, and what it had asked for; 0: none is on its way */
} fault;

static FILE *told;

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* What changes nothing outside of the process: killed before it or after it is the same. */
static bool is_private(uint64_t call, const uint64_t *arguments)
{
	static const uint16_t CALLS[] = { CALL_URETPROBE,
					  CALL_UPROBE,
					  SYS_mmap,
					  SYS_munmap,
					  SYS_mprotect,
					  SYS_mremap,
					  SYS_madvise,
					  SYS_brk,
					  SYS_mlock,
					  SYS_munlock,
					  SYS_memfd_secret,
					  SYS_getrandom,
					  SYS_prctl,
					  SYS_rt_sigaction,
					  SYS_rt_sigprocmask,
					  SYS_set_tid_address,
					  SYS_rseq,
					  SYS_set_robust_list,
					  SYS_prlimit64,
					  SYS_capget,
					  SYS_capset,
					  SYS_seccomp,
					  SYS_landlock_create_ruleset,
					  SYS_landlock_add_rule,
					  SYS_landlock_restrict_self,
					  SYS_getpid,
					  SYS_getuid,
					  SYS_geteuid,
					  SYS_getgid,
					  SYS_getegid,
					  SYS_gettid,
					  SYS_getsockopt,
					  SYS_uname,
					  SYS_newfstatat,
					  SYS_fstat,
					  SYS_faccessat,
					  SYS_faccessat2,
					  SYS_readlinkat,
					  SYS_lseek,
					  SYS_pread64,
					  SYS_fcntl,
					  SYS_clock_gettime,
					  SYS_close,
					  SYS_close_range };

	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++)
		if (call == CALLS[i])
			return true;
#ifdef __x86_64__
	if (call == SYS_arch_prctl || call == SYS_access || call == SYS_readlink)
		return true;
#endif
	return call == SYS_openat && !(arguments[2] & (O_CREAT | O_TRUNC));
}

/* Which argument of a call that writes is its length; -1: it does not. */
static int length_argument(uint64_t call)
{
	switch (call) {
	case SYS_write:
	case SYS_pwrite64: return 2;
	case SYS_sendfile: return 3;
	case SYS_copy_file_range: return 4;
	}
	return -1;
}

static void set_argument(pid_t pid, int argument, uint64_t value)
{
	struct user_regs_struct registers;
	struct iovec view = { &registers, sizeof(registers) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &view))
		give_up("reading registers");
#ifdef __x86_64__
	*(argument == 0	  ? &registers.rdi
	  : argument == 1 ? &registers.rsi
	  : argument == 2 ? &registers.rdx
	  : argument == 3 ? &registers.r10
			  : &registers.r8) = value;
#elif defined(__aarch64__)
	registers.regs[argument] = value;
#endif
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &view))
		give_up("changing registers");
}

static void shorten(pid_t pid, uint64_t call, const uint64_t *arguments)
{
	int argument = length_argument(call);

	if (argument < 0 || arguments[argument] < 2 || --fault.n)
		return;
	fault.call = call;
	fault.asked = arguments[argument];
	set_argument(pid, argument, fault.asked / 2);
}

static int hungry_argument(uint64_t call)
{
	return call == SYS_brk ? 0 : call == SYS_mmap ? 1 : 2;
}

/* What asks for more than there is gets nothing; brk(2) of 0 changes nothing. */
static void starve(pid_t pid, uint64_t call, const uint64_t *arguments)
{
	bool is_mmap = call == SYS_mmap && arguments[3] & MAP_ANONYMOUS;
	bool is_brk = call == SYS_brk && arguments[0];

	fault.has_begun |= call == SYS_prctl;
	fault.is_confined |= call == SYS_seccomp && arguments[2];
	if (!fault.has_begun || (!is_mmap && !is_brk && call != SYS_mremap))
		return;
	if (fault.n > 1) {
		fault.n--;
		return;
	}
	if (fault.n)
		fprintf(told, "starved from call %llu on\n", (unsigned long long)call);
	fault.n = 0;
	fault.call = call;
	fault.asked = arguments[hungry_argument(call)];
	set_argument(pid, hungry_argument(call), is_brk ? 0 : 1ULL << 62);
}

static void enter_call(pid_t pid, uint64_t call, const uint64_t *arguments)
{
	if (fault.kind == STARVE) {
		starve(pid, call, arguments);
	} else if (fault.kind == SHORT) {
		shorten(pid, call, arguments);
	} else if (!is_private(call, arguments) && !--fault.n) {
		kill(pid, SIGKILL);
		fprintf(told, "killed before call %llu\n", (unsigned long long)call);
		fault.is_done = true;
	}
}

static void leave_call(pid_t pid, int64_t result)
{
	/* who asked still has it in that register */
	if (fault.kind == STARVE && fault.call) {
		set_argument(pid, hungry_argument(fault.call), fault.asked);
		fault.call = 0;
	}
	if (fault.kind != SHORT || fault.n)
		return;
	/* it has failed, or there was less to write: not what was wanted, but the only try */
	if (result > 0 && (uint64_t)result < fault.asked)
		fprintf(told, "call %llu wrote %lld of %llu\n", (unsigned long long)fault.call,
			(long long)result, (unsigned long long)fault.asked);
	fault.is_done = true;
}

static void at_call(pid_t pid)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter_call(pid, info.entry.nr, (const uint64_t *)info.entry.args);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave_call(pid, info.exit.rval);
}

static void at_exec(pid_t pid)
{
	char link[64], path[4096];

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = 0;
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	if (!fault.pid && strcmp(name, fault.program) == 0)
		fault.pid = pid;
}

/* Lets it go on from where it stopped. */
static void resume(pid_t pid, int status)
{
	int signal = WSTOPSIG(status), event = status >> 16;
	int how = pid == fault.pid && !fault.is_done ? PTRACE_SYSCALL : PTRACE_CONT;

	if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
		how = PTRACE_LISTEN;
	if (event || signal == (SIGTRAP | 0x80))
		signal = 0;
	/* one that was killed has nothing to go on with */
	if (ptrace(how, pid, NULL, (void *)(long)signal) && errno != ESRCH)
		give_up("going on");
}

static pid_t start(char **command)
{
	int gate[2];

	if (pipe2(gate, O_CLOEXEC))
		give_up("a pipe");
	pid_t pid = fork();
	if (pid == 0) {
		char go;
		if (read(gate[0], &go, 1) == 1)
			execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS))
		give_up("following the command");
	if (write(gate[1], "", 1) != 1)
		give_up("starting the command");
	close(gate[0]);
	close(gate[1]);
	return pid;
}

int main(int argc, char **argv)
{
	int status, result = 0;
	pid_t pid;

	while (argc >= 6 && fault.kind < KIND_COUNT && strcmp(argv[3], KINDS[fault.kind]) != 0)
		fault.kind++;
	if (argc < 6 || fault.kind == KIND_COUNT) {
		fprintf(stderr, "usage: faults FILE PROGRAM kill|short|starve N COMMAND...\n");
		return 125;
	}
	fault.program = argv[2];
	unsigned long n = fault.n = strtoul(argv[4], NULL, 10);
	told = fopen(argv[1], "we");
	if (!told)
		give_up(argv[1]);
	pid_t command = start(argv + 5);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (pid == fault.pid && WIFSIGNALED(status))
				fprintf(told, "died of signal %d%s\n", WTERMSIG(status),
					fault.is_confined ? "" : ", not yet confined");
			if (pid == command)
				result = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
							     : WEXITSTATUS(status);
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && pid == fault.pid && !fault.is_done)
			at_call(pid);
		if (status >> 16 == PTRACE_EVENT_EXEC)
			at_exec(pid);
		resume(pid, status);
	}
	if (fault.n)
		fprintf(told, "not met: %lu of them\n", n - fault.n);
	fclose(told);
	return result;
}
