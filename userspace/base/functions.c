// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/functions.h"

#include "bpf/settings.h"

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
	/* jemalloc's own; flags carry the alignment in a form of their own, which is not read */
	{ "mallocx", CALL_ALLOC, 0, -1, -1, -1 },
	{ "rallocx", CALL_REALLOC, 1, -1, -1, 0 },
	{ "dallocx", CALL_FREE, -1, -1, -1, 0 },
	{ "sdallocx", CALL_FREE, -1, -1, -1, 0 },
};

const size_t FUNCTION_COUNT = sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]);
