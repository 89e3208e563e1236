// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that do not end as calls do: edges [-g FIFO] [-o FILE] escape | quit | storm COUNT
 *
 * escape: this program has a malloc of its own, in front of the C library's, out of which it jumps,
 * itself or a signal's handler, or in which a thread ends, by itself or cancelled. What such a call
 * has allocated no caller ever got: it is none. quit: the process ends while its threads allocate;
 * the file has two numbers of 64 bits, of the calls that began and of those that were over. storm:
 * as many children, one after the other, of which each allocates ten blocks and frees one of its
 * parent's.
 */
#include "truth.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

void *__libc_malloc(size_t size);
void __libc_free(void *address);

static __thread jmp_buf *way_out;
static __thread int ends_thread;
static __thread int is_cancelled, is_interrupted;
static sigjmp_buf out_of_handler;

__attribute__((noinline)) void *malloc(size_t size)
{
	void *address = __libc_malloc(size);

	if (way_out)
		longjmp(*way_out, 1);
	if (ends_thread)
		syscall(SYS_exit, 0);
	if (is_cancelled)
		pthread_testcancel();
	if (is_interrupted)
		raise(SIGUSR1);
	return address;
}

__attribute__((noinline)) void free(void *address)
{
	__libc_free(address);
}

SITE struct block site_normal(size_t size)
{
	return block_malloc(__func__, size);
}

SITE struct block site_cleared(size_t size)
{
	return block_calloc(__func__, 1, size);
}

__attribute__((noinline)) static void jump_out(size_t size)
{
	jmp_buf place;

	way_out = &place;
	if (setjmp(place) == 0)
		free(malloc(size));
	way_out = NULL;
}

static void *end_inside(void *argument)
{
	ends_thread = 1;
	free(malloc((size_t)argument));
	return NULL;
}

static void leave_handler(int number)
{
	(void)number;
	siglongjmp(out_of_handler, 1);
}

__attribute__((noinline)) static void jump_out_of_handler(size_t size)
{
	is_interrupted = 1;
	if (sigsetjmp(out_of_handler, 1) == 0)
		free(malloc(size));
	is_interrupted = 0;
}

static void *be_cancelled(void *argument)
{
	pthread_cancel(pthread_self());
	is_cancelled = 1;
	free(malloc((size_t)argument));
	return NULL;
}

static void escape(void)
{
	if (signal(SIGUSR1, leave_handler) == SIG_ERR)
		_exit(3);
	for (unsigned i = 0; i < 300; i++) {
		struct block kept = site_normal(16 + i), cleared = site_cleared(32 + i);
		pthread_t thread;

		jump_out(48 + i);
		jump_out_of_handler(48 + i);
		block_free(&cleared);
		if (i % 10 == 0 && pthread_create(&thread, NULL, end_inside, (void *)(size_t)64))
			_exit(3);
		if (i % 10 == 5 &&
		    (pthread_create(&thread, NULL, be_cancelled, (void *)(size_t)64) ||
		     pthread_join(thread, NULL)))
			_exit(3);
		struct block next = site_normal(500 + i);
		if (i % 2)
			block_free(&kept);
		block_free(&next);
	}
}

static _Atomic uint64_t *calls; /* begun, over */

static void *allocate_for_ever(void *argument)
{
	for (;;) {
		calls[0]++;
		void *address = __libc_malloc((size_t)argument);
		calls[1]++;
		__libc_free(address);
	}
	return NULL;
}

static void quit(void)
{
	int fd = open(truth_output, O_RDWR | O_CREAT, 0600);
	pthread_t thread;

	if (fd < 0 || ftruncate(fd, 16))
		_exit(3);
	calls = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (calls == MAP_FAILED)
		_exit(3);
	for (int i = 0; i < 8; i++)
		if (pthread_create(&thread, NULL, allocate_for_ever, (void *)(size_t)(16 + i)))
			_exit(3);
	usleep(300000);
	_exit(42);
}

static void storm(uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct block inherited = site_normal(100);
		pid_t child = fork();

		if (child == 0) {
			for (unsigned k = 0; k < 10; k++)
				site_normal(1000 + k);
			free(inherited.address);
			_exit(0);
		}
		if (child < 0 || waitpid(child, NULL, 0) != child)
			_exit(3);
		block_free(&inherited);
	}
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);

	if (next == argc)
		return 2;
	truth_go();
	if (strcmp(argv[next], "escape") == 0)
		escape();
	else if (strcmp(argv[next], "quit") == 0)
		quit();
	else
		storm(truth_number(argc, argv, next + 1, 1000));
	truth_end();
}
