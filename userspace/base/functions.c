// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/functions.h"

#include "bpf/settings.h"

#include <errno.h>
#include <string.h>

const struct function FUNCTIONS[] = {
	/* symbol            kind                  size count align pointer */
	{ "malloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "calloc", CALL_ALLOC_PRODUCT, 1, 0, -1, -1 },
	{ "realloc", CALL_REALLOC, 1, -1, -1, 0 },
	{ "reallocarray", CALL_REALLOC_PRODUCT, 2, 1, -1, 0 },
	{ "memalign", CALL_ALLOC, 1, -1, 0, -1 },
	{ "aligned_alloc", CALL_ALLOC, 1, -1, 0, -1 },
	{ "posix_memalign", CALL_ALLOC_OUT, 2, -1, 1, 0 },
	{ "valloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "pvalloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "free", CALL_FREE, -1, -1, -1, 0 },
	{ "cfree", CALL_FREE, -1, -1, -1, 0 },
	{ "free_sized", CALL_FREE, -1, -1, -1, 0 },
	{ "free_aligned_sized", CALL_FREE, -1, -1, -1, 0 },
	/* jemalloc's own; flags carry the alignment in a form of their own, which is not read */
	{ "mallocx", CALL_ALLOC, 0, -1, -1, -1 },
	{ "rallocx", CALL_REALLOC, 1, -1, -1, 0 },
	{ "xallocx", CALL_RESIZE, 1, -1, -1, 0 },
	{ "dallocx", CALL_FREE, -1, -1, -1, 0 },
	{ "sdallocx", CALL_FREE, -1, -1, -1, 0 },
	/* the same where it was built with its usual prefix */
	{ "je_malloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "je_calloc", CALL_ALLOC_PRODUCT, 1, 0, -1, -1 },
	{ "je_realloc", CALL_REALLOC, 1, -1, -1, 0 },
	{ "je_memalign", CALL_ALLOC, 1, -1, 0, -1 },
	{ "je_aligned_alloc", CALL_ALLOC, 1, -1, 0, -1 },
	{ "je_posix_memalign", CALL_ALLOC_OUT, 2, -1, 1, 0 },
	{ "je_valloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "je_free", CALL_FREE, -1, -1, -1, 0 },
	{ "je_mallocx", CALL_ALLOC, 0, -1, -1, -1 },
	{ "je_rallocx", CALL_REALLOC, 1, -1, -1, 0 },
	{ "je_xallocx", CALL_RESIZE, 1, -1, -1, 0 },
	{ "je_dallocx", CALL_FREE, -1, -1, -1, 0 },
	{ "je_sdallocx", CALL_FREE, -1, -1, -1, 0 },
	/* and with the prefix of Rust's tikv-jemallocator */
	{ "_rjem_malloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "_rjem_calloc", CALL_ALLOC_PRODUCT, 1, 0, -1, -1 },
	{ "_rjem_realloc", CALL_REALLOC, 1, -1, -1, 0 },
	{ "_rjem_memalign", CALL_ALLOC, 1, -1, 0, -1 },
	{ "_rjem_aligned_alloc", CALL_ALLOC, 1, -1, 0, -1 },
	{ "_rjem_posix_memalign", CALL_ALLOC_OUT, 2, -1, 1, 0 },
	{ "_rjem_valloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "_rjem_free", CALL_FREE, -1, -1, -1, 0 },
	{ "_rjem_mallocx", CALL_ALLOC, 0, -1, -1, -1 },
	{ "_rjem_rallocx", CALL_REALLOC, 1, -1, -1, 0 },
	{ "_rjem_xallocx", CALL_RESIZE, 1, -1, -1, 0 },
	{ "_rjem_dallocx", CALL_FREE, -1, -1, -1, 0 },
	{ "_rjem_sdallocx", CALL_FREE, -1, -1, -1, 0 },
	/* tcmalloc's own, where it does not take malloc's name */
	{ "tc_malloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "tc_malloc_skip_new_handler", CALL_ALLOC, 0, -1, -1, -1 },
	{ "tc_calloc", CALL_ALLOC_PRODUCT, 1, 0, -1, -1 },
	{ "tc_realloc", CALL_REALLOC, 1, -1, -1, 0 },
	{ "tc_memalign", CALL_ALLOC, 1, -1, 0, -1 },
	{ "tc_posix_memalign", CALL_ALLOC_OUT, 2, -1, 1, 0 },
	{ "tc_valloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "tc_pvalloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "tc_free", CALL_FREE, -1, -1, -1, 0 },
	{ "tc_free_sized", CALL_FREE, -1, -1, -1, 0 },
	/* mimalloc's own */
	{ "mi_malloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "mi_malloc_small", CALL_ALLOC, 0, -1, -1, -1 },
	{ "mi_zalloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "mi_zalloc_small", CALL_ALLOC, 0, -1, -1, -1 },
	{ "mi_calloc", CALL_ALLOC_PRODUCT, 1, 0, -1, -1 },
	{ "mi_mallocn", CALL_ALLOC_PRODUCT, 1, 0, -1, -1 },
	{ "mi_malloc_aligned", CALL_ALLOC, 0, -1, 1, -1 },
	{ "mi_zalloc_aligned", CALL_ALLOC, 0, -1, 1, -1 },
	{ "mi_calloc_aligned", CALL_ALLOC_PRODUCT, 1, 0, 2, -1 },
	{ "mi_memalign", CALL_ALLOC, 1, -1, 0, -1 },
	{ "mi_aligned_alloc", CALL_ALLOC, 1, -1, 0, -1 },
	{ "mi_posix_memalign", CALL_ALLOC_OUT, 2, -1, 1, 0 },
	{ "mi_valloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "mi_pvalloc", CALL_ALLOC, 0, -1, -1, -1 },
	{ "mi_realloc", CALL_REALLOC, 1, -1, -1, 0 },
	{ "mi_rezalloc", CALL_REALLOC, 1, -1, -1, 0 },
	{ "mi_realloc_aligned", CALL_REALLOC, 1, -1, 2, 0 },
	{ "mi_reallocn", CALL_REALLOC_PRODUCT, 2, 1, -1, 0 },
	{ "mi_recalloc", CALL_REALLOC_PRODUCT, 2, 1, -1, 0 },
	{ "mi_heap_malloc", CALL_ALLOC, 1, -1, -1, -1 },
	{ "mi_heap_malloc_small", CALL_ALLOC, 1, -1, -1, -1 },
	{ "mi_heap_zalloc", CALL_ALLOC, 1, -1, -1, -1 },
	{ "mi_heap_calloc", CALL_ALLOC_PRODUCT, 2, 1, -1, -1 },
	{ "mi_heap_mallocn", CALL_ALLOC_PRODUCT, 2, 1, -1, -1 },
	{ "mi_heap_malloc_aligned", CALL_ALLOC, 1, -1, 2, -1 },
	{ "mi_heap_realloc", CALL_REALLOC, 2, -1, -1, 1 },
	{ "mi_new", CALL_ALLOC, 0, -1, -1, -1 },
	{ "mi_new_nothrow", CALL_ALLOC, 0, -1, -1, -1 },
	{ "mi_new_aligned", CALL_ALLOC, 0, -1, 1, -1 },
	{ "mi_new_n", CALL_ALLOC_PRODUCT, 1, 0, -1, -1 },
	{ "mi_new_realloc", CALL_REALLOC, 1, -1, -1, 0 },
	{ "mi_free", CALL_FREE, -1, -1, -1, 0 },
	{ "mi_cfree", CALL_FREE, -1, -1, -1, 0 },
	{ "mi_free_size", CALL_FREE, -1, -1, -1, 0 },
	{ "mi_free_size_aligned", CALL_FREE, -1, -1, -1, 0 },
	{ "mi_free_aligned", CALL_FREE, -1, -1, -1, 0 },
	/* C++'s new and delete: plain, nothrow, aligned, sized */
	{ "_Znwm", CALL_ALLOC, 0, -1, -1, -1, true },
	{ "_ZnwmRKSt9nothrow_t", CALL_ALLOC, 0, -1, -1, -1, true },
	{ "_ZnwmSt11align_val_t", CALL_ALLOC, 0, -1, 1, -1, true },
	{ "_ZnwmSt11align_val_tRKSt9nothrow_t", CALL_ALLOC, 0, -1, 1, -1, true },
	{ "_Znam", CALL_ALLOC, 0, -1, -1, -1, true },
	{ "_ZnamRKSt9nothrow_t", CALL_ALLOC, 0, -1, -1, -1, true },
	{ "_ZnamSt11align_val_t", CALL_ALLOC, 0, -1, 1, -1, true },
	{ "_ZnamSt11align_val_tRKSt9nothrow_t", CALL_ALLOC, 0, -1, 1, -1, true },
	{ "_ZdlPv", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdlPvm", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdlPvRKSt9nothrow_t", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdlPvSt11align_val_t", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdlPvmSt11align_val_t", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdlPvSt11align_val_tRKSt9nothrow_t", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdaPv", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdaPvm", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdaPvRKSt9nothrow_t", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdaPvSt11align_val_t", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdaPvmSt11align_val_t", CALL_FREE, -1, -1, -1, 0, true },
	{ "_ZdaPvSt11align_val_tRKSt9nothrow_t", CALL_FREE, -1, -1, -1, 0, true },
	/* mappings, which are probed where they are asked for; see enum call_kind for what is where */
	{ "mmap", CALL_MAP, 1, 3, -1, 0 },
	{ "mmap64", CALL_MAP, 1, 3, -1, 0 },
	{ "munmap", CALL_UNMAP, 1, -1, -1, 0 },
	{ "mremap", CALL_REMAP, 2, 3, 1, 0 },
	{ "brk", CALL_BREAK, -1, -1, -1, -1 },
	{ "sbrk", CALL_BREAK, -1, -1, -1, -1 },
	/* static probe points (symbols/points.h), by which programs tell of samples */
	{ "otel_memory:alloc", CALL_POINT_ALLOC, 2, -1, -1, 0 },
	{ "otel_memory:free", CALL_POINT_FREE, -1, -1, -1, 0 },
	/* and of moments and scopes (include/heaptrail.h) */
	{ "heaptrail:mark", CALL_MARK, -1, -1, -1, 0 },
	{ "heaptrail:tag_begin", CALL_TAG_BEGIN, -1, -1, -1, 0 },
	{ "heaptrail:tag_end", CALL_TAG_END, -1, -1, -1, -1 },
};

const size_t FUNCTION_COUNT = sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]);
_Static_assert(sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]) + USER_FUNCTIONS_MAX <= 256,
	       "a cookie has eight bits for the row");

static struct user_function users[USER_FUNCTIONS_MAX];
static struct function user_rows[USER_FUNCTIONS_MAX];
static size_t user_count;

static bool is_argument(int8_t argument)
{
	return argument >= -1 && argument < 6;
}

int functions_add(const struct user_function *user)
{
	if (user->kind > CALL_FREE || user->has_offset > 1 || !is_argument(user->size) ||
	    !is_argument(user->count) || !is_argument(user->alignment) ||
	    !is_argument(user->pointer) || !memchr(user->symbol, 0, sizeof(user->symbol)) ||
	    !memchr(user->module, 0, sizeof(user->module)))
		return -EBADMSG;
	if (user_count == USER_FUNCTIONS_MAX)
		return -ENOSPC;
	users[user_count] = *user;
	user_rows[user_count] = (struct function) {
		.symbol = users[user_count].symbol,
		.kind = user->kind,
		.size = user->size,
		.count = user->count,
		.alignment = user->alignment,
		.pointer = user->pointer,
	};
	user_count++;
	return 0;
}

size_t functions_count(void)
{
	return FUNCTION_COUNT + user_count;
}

const struct function *functions_row(size_t row)
{
	return row < FUNCTION_COUNT ? &FUNCTIONS[row] : &user_rows[row - FUNCTION_COUNT];
}

const struct user_function *functions_user(size_t row)
{
	return &users[row - FUNCTION_COUNT];
}
