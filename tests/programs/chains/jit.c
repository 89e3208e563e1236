// SPDX-License-Identifier: GPL-2.0-or-later
/* Code without a file, as just-in-time compilers make it: copied into an anonymous mapping. */
#include "chains.h"

#include <string.h>
#include <sys/mman.h>

typedef void jit_function(size_t size, void **next);

/* push %rbp; mov %rsp,%rbp; call *(%rsi), with %rsi one further; pop %rbp; ret */
static const unsigned char WITH_FRAME_POINTER[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xc6,
						    0x08, 0xff, 0x56, 0xf8, 0x5d, 0xc3 };
/* push %rbx, as it pleases; the same call; pop %rbx; ret */
static const unsigned char WITHOUT[] = {
	0x53, 0x48, 0x83, 0xc6, 0x08, 0xff, 0x56, 0xf8, 0x5b, 0xc3
};

FUNCTION void called_by_jit(size_t size, void **next)
{
	ALLOCATE(size);
	(void)next;
}

FUNCTION void calls_jit(jit_function *function, size_t size, void **next)
{
	function(size, next);
	STAY;
}

static void *copied(const void *code, size_t size)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(page + 100, code, size);
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	return page + 100;
}

int main(int argc, char **argv)
{
	void *with = copied(WITH_FRAME_POINTER, sizeof(WITH_FRAME_POINTER));
	void *without = copied(WITHOUT, sizeof(WITHOUT));
	void *one[] = { called_by_jit }, *three[] = { with, with, called_by_jit };

	chains_begin(argc, argv);
	calls_jit(with, 12001, one);
	chain(12001, CHAIN_GUESS, "called_by_jit ? calls_jit @main");
	calls_jit(with, 12002, three);
	chain(12002, CHAIN_GUESS, "called_by_jit ? ? ? calls_jit @main");
	calls_jit(without, 12003, one);
	chain(12003, CHAIN_PREFIX, "called_by_jit ? calls_jit @main");
	chains_end();
}
