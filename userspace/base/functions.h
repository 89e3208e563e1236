/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The allocator functions that are probed, one row each. A new allocator is new rows: nothing else
 * names a function.
 */
#ifndef HEAPTRAIL_BASE_FUNCTIONS_H
#define HEAPTRAIL_BASE_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Positions of arguments, from 0; -1: the function has no such argument. */
struct function {
	const char *symbol;
	uint8_t kind; /* enum call_kind of bpf/settings.h */
	int8_t size;
	int8_t count; /* multiplies size */
	int8_t alignment;
	int8_t pointer;	  /* the block that is freed or resized, or where the result is stored */
	bool is_operator; /* of C++: elsewhere it calls malloc, so it counts only beside a `free` */
};

extern const struct function FUNCTIONS[];
extern const size_t FUNCTION_COUNT;

#endif
