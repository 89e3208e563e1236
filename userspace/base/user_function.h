/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A function that allocates or frees and that the person who records has told of, as
 * `[MODULE:]SYMBOL[:ROLE=PLACE,...]` or `MODULE+0xOFFSET[:ROLE=PLACE,...]`. Roles of an allocating
 * one: size, count, align, old (the block that is resized), result; of a freeing one: ptr. Places:
 * arg1 to arg6, and for the result ret.
 */
#ifndef HEAPTRAIL_BASE_USER_FUNCTION_H
#define HEAPTRAIL_BASE_USER_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#define USER_FUNCTIONS_MAX 16

struct user_function {
	char symbol[256];			/* where has_offset: what it is called in reports */
	char module[512];			/* a path, or the last part of one; "": any */
	uint64_t offset;			/* of the function in the file, where has_offset */
	uint8_t has_offset;			/* 1: it is told by that, not by its symbol */
	uint8_t kind;				/* enum call_kind; 0: none, the row only counts */
	int8_t size, count, alignment, pointer; /* as in struct function */
	uint8_t reserved[2];
};

/* 0, or -EINVAL and in *why what is wrong with the text. */
int user_function_parse(const char *text, bool is_free, struct user_function *user,
			const char **why);

/* May the file with this path have the function? */
bool user_function_concerns(const struct user_function *user, const char *path);

#endif
