// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * C++'s new and delete in all their forms, called by the names that they have for the linker:
 * operators [-g FIFO] [-o FILE] [ROUNDS]
 *
 * The C++ library's call malloc and free; those of other allocators do not. It rounds aligned sizes up, so
 * that they are multiples here.
 */
#include "truth.h"

typedef struct {
	char none;
} nothrow;
extern const nothrow _ZSt7nothrow;

void *_Znwm(size_t size);
void *_Znam(size_t size);
void *_ZnwmRKSt9nothrow_t(size_t size, const nothrow *tag);
void *_ZnamRKSt9nothrow_t(size_t size, const nothrow *tag);
void *_ZnwmSt11align_val_t(size_t size, size_t alignment);
void *_ZnamSt11align_val_t(size_t size, size_t alignment);
void *_ZnwmSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment, const nothrow *tag);
void *_ZnamSt11align_val_tRKSt9nothrow_t(size_t size, size_t alignment, const nothrow *tag);
void _ZdlPv(void *block);
void _ZdaPv(void *block);
void _ZdlPvm(void *block, size_t size);
void _ZdaPvm(void *block, size_t size);
void _ZdlPvRKSt9nothrow_t(void *block, const nothrow *tag);
void _ZdaPvRKSt9nothrow_t(void *block, const nothrow *tag);
void _ZdlPvSt11align_val_t(void *block, size_t alignment);
void _ZdaPvSt11align_val_t(void *block, size_t alignment);
void _ZdlPvmSt11align_val_t(void *block, size_t size, size_t alignment);
void _ZdaPvmSt11align_val_t(void *block, size_t size, size_t alignment);
void _ZdlPvSt11align_val_tRKSt9nothrow_t(void *block, size_t alignment, const nothrow *tag);
void _ZdaPvSt11align_val_tRKSt9nothrow_t(void *block, size_t alignment, const nothrow *tag);

#define ALIGNMENT 64

SITE struct block site_new(unsigned form, size_t size)
{
	void *block = NULL;

	switch (form % 4) {
	case 0: block = _Znwm(size); break;
	case 1: block = _Znam(size); break;
	case 2: block = _ZnwmRKSt9nothrow_t(size, &_ZSt7nothrow); break;
	case 3: block = _ZnamRKSt9nothrow_t(size, &_ZSt7nothrow); break;
	}
	return truth_alloc(__func__, block, size);
}

SITE struct block site_new_aligned(unsigned form, size_t size)
{
	void *block = NULL;

	switch (form % 4) {
	case 0: block = _ZnwmSt11align_val_t(size, ALIGNMENT); break;
	case 1: block = _ZnamSt11align_val_t(size, ALIGNMENT); break;
	case 2: block = _ZnwmSt11align_val_tRKSt9nothrow_t(size, ALIGNMENT, &_ZSt7nothrow); break;
	case 3: block = _ZnamSt11align_val_tRKSt9nothrow_t(size, ALIGNMENT, &_ZSt7nothrow); break;
	}
	return truth_alloc(__func__, block, size);
}

static void delete_plain(unsigned form, struct block *block)
{
	void *address = block->address;
	size_t size = block->size;

	truth_free(block);
	switch (form % 6) {
	case 0: _ZdlPv(address); break;
	case 1: _ZdaPv(address); break;
	case 2: _ZdlPvm(address, size); break;
	case 3: _ZdaPvm(address, size); break;
	case 4: _ZdlPvRKSt9nothrow_t(address, &_ZSt7nothrow); break;
	case 5: _ZdaPvRKSt9nothrow_t(address, &_ZSt7nothrow); break;
	}
}

static void delete_aligned(unsigned form, struct block *block)
{
	void *address = block->address;
	size_t size = block->size;

	truth_free(block);
	switch (form % 6) {
	case 0: _ZdlPvSt11align_val_t(address, ALIGNMENT); break;
	case 1: _ZdaPvSt11align_val_t(address, ALIGNMENT); break;
	case 2: _ZdlPvmSt11align_val_t(address, size, ALIGNMENT); break;
	case 3: _ZdaPvmSt11align_val_t(address, size, ALIGNMENT); break;
	case 4: _ZdlPvSt11align_val_tRKSt9nothrow_t(address, ALIGNMENT, &_ZSt7nothrow); break;
	case 5: _ZdaPvSt11align_val_tRKSt9nothrow_t(address, ALIGNMENT, &_ZSt7nothrow); break;
	}
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	uint64_t rounds = truth_number(argc, argv, next, 600);

	truth_go();
	for (unsigned i = 0; i < rounds; i++) {
		struct block plain = site_new(i, 16 + i % 300);
		struct block aligned = site_new_aligned(i, ALIGNMENT * (1 + i % 8));

		/* the same address again and again, from one place */
		for (unsigned k = 0; k < 3; k++) {
			struct block again = site_new(0, 40);
			delete_plain(0, &again);
		}
		if (i % 7)
			delete_plain(i, &plain);
		if (i % 5)
			delete_aligned(i, &aligned);
		_ZdlPv(NULL);
	}
	truth_end();
}
