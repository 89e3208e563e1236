/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The allocator functions that are probed, one row each. A new allocator is new rows: nothing else
 * names a function. Behind them come rows of the person who records, added once, at the start of a
 * worker.
 */
#ifndef HEAPTRAIL_BASE_FUNCTIONS_H
#define HEAPTRAIL_BASE_FUNCTIONS_H

#include "base/user_function.h"

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

/* 0, -ENOSPC, or -EBADMSG: that is no function. */
int functions_add(const struct user_function *user);

/* How many rows there are, those of the person included. */
size_t functions_count(void);

const struct function *functions_row(size_t row);

/* What the person said of a row behind FUNCTION_COUNT. */
const struct user_function *functions_user(size_t row);

#endif
