// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lives behind a seccomp filter that ends it at any system call that it does not make itself:
 * filtered [-g FIFO] [-o FILE] [ROUNDS]
 */
#include "truth.h"
#include "random.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define SLOTS 64

/* What truth.h and the allocator call. */
static const int CALLS[] = { SYS_read,	     SYS_write,	     SYS_open,	   SYS_openat,	 SYS_close,
			     SYS_mmap,	     SYS_mremap,     SYS_munmap,   SYS_mprotect, SYS_brk,
			     SYS_madvise,    SYS_futex,	     SYS_getpid,   SYS_rename,	 SYS_fstat,
			     SYS_newfstatat, SYS_exit_group, SYS_getrandom };

#define CALL_COUNT (sizeof(CALLS) / sizeof(CALLS[0]))

SITE struct block site_filtered_malloc(size_t size)
{
	return block_malloc(__func__, size);
}

SITE void site_filtered_realloc(struct block *block, size_t size)
{
	block_realloc(__func__, block, size);
}

static int confine(void)
{
	struct sock_filter code[2 * CALL_COUNT + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	for (size_t i = 0; i < CALL_COUNT; i++) {
		code[2 * i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							       (unsigned)CALLS[i], 0, 1);
		code[2 * i + 2] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW);
	}
	code[2 * CALL_COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET, SECCOMP_RET_KILL_PROCESS);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	uint64_t rounds = truth_number(argc, argv, next, 2000);
	struct random random = { 88172645463325252 };
	struct block blocks[SLOTS] = { 0 };

	if (confine())
		return 1;
	truth_go();
	for (uint64_t i = 0; i < rounds; i++) {
		struct block *block = &blocks[random_below(&random, SLOTS)];
		size_t size = 1 + random_below(&random, 3000);

		if (!block->address)
			*block = site_filtered_malloc(size);
		else if (size % 3)
			block_free(block);
		else
			site_filtered_realloc(block, size);
	}
	truth_end();
}
