// SPDX-License-Identifier: GPL-2.0-or-later
/* What compilers make of calls: recursion, tail calls, calls that do not return, frames of unusual
 * shape, signals, threads, coroutines. */
#include "chains.h"

#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static jmp_buf back;
static volatile int number = 3;

FUNCTION void recurse(unsigned left, size_t size)
{
	if (left)
		recurse(left - 1, size);
	else
		ALLOCATE(size);
	STAY;
}

FUNCTION void odd(unsigned left, size_t size);

FUNCTION void even(unsigned left, size_t size)
{
	volatile char room[40] = { 0 };

	if (left)
		odd(left - 1, size);
	else
		ALLOCATE(size);
	STAY;
	(void)room;
}

FUNCTION void odd(unsigned left, size_t size)
{
	if (left)
		even(left - 1, size);
	else
		ALLOCATE(size);
	STAY;
}

FUNCTION void case_recursion(void)
{
	recurse(5, 10001);
	chain(10001, CHAIN_EXACT,
	      "recurse recurse recurse recurse recurse recurse case_recursion @main");
	even(4, 10002);
	chain(10002, CHAIN_EXACT, "even odd even odd even case_recursion @main");
	odd(2, 10003);
	chain(10003, CHAIN_EXACT, "odd even odd case_recursion @main");
}

FUNCTION int tail_target(size_t size)
{
	ALLOCATE(size);
	return number;
}

FUNCTION int tail_caller(size_t size)
{
	return tail_target(size);
}

FUNCTION void calls_tail_caller(size_t size)
{
	tail_caller(size);
	STAY;
}

/* The allocator itself is reached by a tail call: there is no frame of the function that named it.
 */
FUNCTION void *tail_allocates(size_t size)
{
	return malloc(size);
}

FUNCTION void calls_tail_allocates(size_t size)
{
	void *volatile block = tail_allocates(size);

	(void)block;
}

FUNCTION void case_tail_calls(void)
{
	calls_tail_caller(10101);
	calls_tail_allocates(10102);
#ifdef __OPTIMIZE__
	chain(10101, CHAIN_EXACT, "tail_target calls_tail_caller case_tail_calls @main");
	chain(10102, CHAIN_EXACT, "calls_tail_allocates case_tail_calls @main");
#else
	chain(10101, CHAIN_EXACT,
	      "tail_target tail_caller calls_tail_caller case_tail_calls @main");
	chain(10102, CHAIN_EXACT, "tail_allocates calls_tail_allocates case_tail_calls @main");
#endif
}

FUNCTION _Noreturn void never_returns(size_t size)
{
	ALLOCATE(size);
	longjmp(back, 1);
}

/* Its call is its last instruction: the return address is in another function. */
FUNCTION _Noreturn void ends_with_call(size_t size)
{
	never_returns(size);
}

FUNCTION void follows(void)
{
	number++;
}

FUNCTION void calls_noreturn(size_t size)
{
	if (!setjmp(back))
		ends_with_call(size);
	STAY;
}

FUNCTION void case_noreturn(void)
{
	calls_noreturn(10201);
	follows();
	chain(10201, CHAIN_EXACT,
	      "never_returns ends_with_call calls_noreturn case_noreturn @main");
}

FUNCTION void uses_alloca(size_t size)
{
	volatile char *room = alloca((size_t)number * 100);

	room[0] = 1;
	ALLOCATE(size);
	number += room[0] - 1;
}

FUNCTION void uses_array(size_t size)
{
	volatile char room[number * 1000];

	room[0] = 1;
	uses_alloca(size);
	number += room[0] - 1;
}

FUNCTION void aligned_32(size_t size)
{
	alignas(32) volatile char room[64];

	room[0] = 1;
	uses_array(size);
	number += room[0] - 1;
}

/* Arguments on the stack, a realigned frame and one of unknown size: the caller's frame is found
 * through a pointer that is kept in this one. */
FUNCTION long aligned_64(long a, long b, long c, long d, long e, long f, long g, long h,
			 size_t size)
{
	alignas(64) volatile char room[128];
	volatile char *more = alloca((size_t)number * 50);

	room[0] = more[0] = 1;
	aligned_32(size);
	number += room[0] - more[0];
	return a + b + c + d + e + f + g + h;
}

FUNCTION void large_frame(size_t size)
{
	volatile char room[1 << 20];

	room[0] = 1;
	number += (int)aligned_64(1, 2, 3, 4, 5, 6, 7, 8, size) - 36;
	number += room[0] - 1;
}

FUNCTION void case_frames(void)
{
	large_frame(10301);
	chain(10301, CHAIN_EXACT,
	      "uses_alloca uses_array aligned_32 aligned_64 large_frame case_frames @main");
}

FUNCTION int compare_and_allocate(const void *a, const void *b)
{
	static int is_done;

	if (!is_done) {
		is_done = 1;
		ALLOCATE(10401);
	}
	return *(const int *)a - *(const int *)b;
}

FUNCTION void sorts(void)
{
	int numbers[] = { 3, 1, 2, number };

	qsort(numbers, 4, sizeof(numbers[0]), compare_and_allocate);
	STAY;
}

FUNCTION void after_vdso(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ALLOCATE(10402 + (now.tv_sec < 0));
}

FUNCTION void case_libraries(void)
{
	sorts();
	chain(10401, CHAIN_EXACT, "compare_and_allocate ... sorts case_libraries @main");
	after_vdso();
	chain(10402, CHAIN_EXACT, "after_vdso case_libraries @main");
}

static volatile size_t signal_size;
static volatile int signal_next; /* raised in the handler of the one before */

FUNCTION void raises(int signal)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(SYS_tgkill), "D"(getpid()), "S"((long)syscall(SYS_gettid)),
			   "d"((long)signal)
			 : "rcx", "r11", "memory");
	STAY;
}

FUNCTION void handler(int signal)
{
	if (signal_next) {
		int next = signal_next;
		signal_next = 0;
		raises(next);
	} else {
		ALLOCATE(signal_size);
	}
	STAY;
	(void)signal;
}

static void handle(int signal, int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	sigaction(signal, &action, NULL);
}

FUNCTION void case_signals(void)
{
	static char stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };

	sigaltstack(&alternate, NULL);
	handle(SIGUSR1, 0);
	handle(SIGUSR2, SA_ONSTACK);
	signal_size = 10501;
	raises(SIGUSR1);
	chain(10501, CHAIN_SIGNAL, "handler __restore_rt raises case_signals @main");
	signal_size = 10502;
	raises(SIGUSR2);
	chain(10502, CHAIN_SIGNAL, "handler __restore_rt raises case_signals @main");
	signal_size = 10503;
	signal_next = SIGUSR2;
	raises(SIGUSR1);
	chain(10503, CHAIN_SIGNAL,
	      "handler __restore_rt raises handler __restore_rt raises case_signals @main");
	signal_size = 10504;
	signal_next = SIGUSR1;
	raises(SIGUSR2);
	chain(10504, CHAIN_SIGNAL,
	      "handler __restore_rt raises handler __restore_rt raises case_signals @main");
}

static sigjmp_buf fault_back;

FUNCTION void fault_handler(int signal)
{
	ALLOCATE(10601);
	siglongjmp(fault_back, signal);
}

/* A function without a call: where the signal comes, no return address can be. */
FUNCTION long faults(volatile long *where, long *a, long *b)
{
	long sum = *a * 3 + *b;

	a[1] = sum;
	return *where + sum;
}

FUNCTION void calls_faults(void)
{
	long numbers[4] = { 1, 2, 3, 4 };

	if (!sigsetjmp(fault_back, 1))
		number += (int)faults(NULL, numbers, numbers + 2);
	STAY;
}

FUNCTION void case_faults(void)
{
	struct sigaction action = { .sa_handler = fault_handler };

	sigaction(SIGSEGV, &action, NULL);
	calls_faults();
	/* tables have rules for calls; what is above a fault may be cut */
	chain(10601, CHAIN_PREFIX, "fault_handler __restore_rt faults ...");
}

static volatile int is_vdso_hit;

FUNCTION void vdso_handler(int signal, siginfo_t *info, void *context)
{
	uint64_t at = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	uint64_t start = getauxval(AT_SYSINFO_EHDR);

	(void)signal, (void)info;
	if (is_vdso_hit || at < start || at >= start + 8192)
		return;
	is_vdso_hit = 1;
	ALLOCATE(10701);
}

FUNCTION void asks_for_time(void)
{
	struct timespec now, end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 10;
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while (!is_vdso_hit && now.tv_sec < end.tv_sec);
}

/* A signal comes while the vdso's code runs. */
FUNCTION void case_vdso(void)
{
	struct sigaction action = { .sa_sigaction = vdso_handler,
				    .sa_flags = SA_SIGINFO | SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct itimerspec often = { { 0, 100000 }, { 0, 100000 } };
	struct itimerspec never = { { 0, 0 }, { 0, 0 } };
	timer_t timer;

	sigaction(SIGALRM, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer))
		abort();
	timer_settime(timer, 0, &often, NULL);
	asks_for_time();
	timer_settime(timer, 0, &never, NULL);
	if (is_vdso_hit)
		chain(10701, CHAIN_PREFIX,
		      "vdso_handler __restore_rt ?|clock_gettime|__vdso_clock_gettime ... asks_for_time case_vdso @main");
}

FUNCTION void in_thread(size_t size)
{
	ALLOCATE(size);
}

FUNCTION void *thread_main(void *size)
{
	in_thread((size_t)size);
	STAY;
	return NULL;
}

FUNCTION void case_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, (void *)10801))
		abort();
	pthread_join(thread, NULL);
	chain(10801, CHAIN_EXACT, "in_thread thread_main @thread");
}

static ucontext_t main_context, coroutine;

FUNCTION void in_coroutine(size_t size)
{
	ALLOCATE(size);
	swapcontext(&coroutine, &main_context);
	ALLOCATE(size + 1);
}

FUNCTION void coroutine_main(void)
{
	in_coroutine(10901);
	STAY;
}

FUNCTION void resumes(void)
{
	swapcontext(&main_context, &coroutine);
	ALLOCATE(10903);
	swapcontext(&main_context, &coroutine);
	STAY;
}

FUNCTION void case_coroutines(void)
{
	static char stack[65536];

	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = stack;
	coroutine.uc_stack.ss_size = sizeof(stack);
	coroutine.uc_link = &main_context;
	makecontext(&coroutine, coroutine_main, 0);
	resumes();
	/* the byte before __start_context */
	chain(10901, CHAIN_EXACT, "in_coroutine coroutine_main ?");
	chain(10902, CHAIN_EXACT, "in_coroutine coroutine_main ?");
	chain(10903, CHAIN_EXACT, "resumes case_coroutines @main");
}

int main(int argc, char **argv)
{
	static void (*const CASES[])(void) = {
		case_recursion, case_tail_calls, case_noreturn, case_frames,	 case_libraries,
		case_signals,	case_faults,	 case_vdso,	case_coroutines, case_threads,
	};

	chains_begin(argc, argv);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		CASES[i]();
	chains_end();
}
