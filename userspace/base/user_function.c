// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/user_function.h"

#include "base/text.h"
#include "bpf/settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS 6
#define RETURNED  ARGUMENTS /* the place of a result that is returned */
#define NOWHERE	  -1

enum role {
	ROLE_SIZE,
	ROLE_COUNT,
	ROLE_ALIGN,
	ROLE_OLD,
	ROLE_RESULT,
	ROLE_PTR,
	ROLE_TOTAL,
};

static const struct {
	const char *name;
	bool is_of_free;
} ROLES[ROLE_TOTAL] = {
	[ROLE_SIZE] = { "size", false },     [ROLE_COUNT] = { "count", false },
	[ROLE_ALIGN] = { "align", false },   [ROLE_OLD] = { "old", false },
	[ROLE_RESULT] = { "result", false }, [ROLE_PTR] = { "ptr", true },
};

static bool is_text(const char *text, size_t length, const char *wanted)
{
	return strlen(wanted) == length && memcmp(text, wanted, length) == 0;
}

static int role_named(const char *text, size_t length, bool is_free)
{
	for (int i = 0; i < ROLE_TOTAL; i++)
		if (ROLES[i].is_of_free == is_free && is_text(text, length, ROLES[i].name))
			return i;
	return -1;
}

/* arg1 is 0, ret RETURNED. */
static int place_named(const char *text, size_t length)
{
	if (is_text(text, length, "ret"))
		return RETURNED;
	if (length == 4 && memcmp(text, "arg", 3) == 0 && text[3] >= '1' &&
	    text[3] < '1' + ARGUMENTS)
		return text[3] - '1';
	return NOWHERE;
}

/* ROLE=PLACE,... */
static const char *parse_places(const char *text, bool is_free, int8_t places[ROLE_TOTAL])
{
	bool is_given[ROLE_TOTAL] = { false };

	for (;;) {
		size_t length = strcspn(text, ","), name = strcspn(text, "=");
		int role = name < length ? role_named(text, name, is_free) : -1;
		if (role < 0)
			return is_free ? "a function that frees has `ptr=argN`"
				       : "a function that allocates has `size=`, `count=`, "
					 "`align=`, `old=` and `result=`";
		int place = place_named(text + name + 1, length - name - 1);
		if (place == NOWHERE || (place == RETURNED && role != ROLE_RESULT))
			return "places are arg1 to arg6, and `result=ret`";
		if (is_given[role])
			return "something is given twice";
		is_given[role] = true;
		places[role] = (int8_t)place;
		if (!text[length])
			return NULL;
		text += length + 1;
	}
}

/* What the places make of the function. */
static const char *take_places(const int8_t places[ROLE_TOTAL], bool is_free,
			       struct user_function *user)
{
	bool is_product = places[ROLE_COUNT] >= 0, is_moved = places[ROLE_OLD] >= 0;

	user->size = user->count = user->alignment = user->pointer = -1;
	if (is_free) {
		user->kind = CALL_FREE;
		user->pointer = places[ROLE_PTR];
		return NULL;
	}
	user->size = places[ROLE_SIZE];
	user->count = places[ROLE_COUNT];
	user->alignment = places[ROLE_ALIGN];
	if (places[ROLE_RESULT] != RETURNED) {
		if (is_product || is_moved)
			return "a result that is stored goes with neither `count=` nor `old=`";
		user->kind = CALL_ALLOC_OUT;
		user->pointer = places[ROLE_RESULT];
		return NULL;
	}
	user->pointer = places[ROLE_OLD];
	if (is_moved)
		user->kind = is_product ? CALL_REALLOC_PRODUCT : CALL_REALLOC;
	else
		user->kind = is_product ? CALL_ALLOC_PRODUCT : CALL_ALLOC;
	return NULL;
}

/* MODULE+0xOFFSET: the last part of it is what the function is called. */
static const char *take_offset(const char *name, char *plus, struct user_function *user)
{
	char *end;

	errno = 0;
	user->offset = strtoull(plus + 3, &end, 16);
	if (end == plus + 3 || *end || errno)
		return "after +0x comes the function's offset in the file, in hexadecimal digits";
	user->has_offset = 1;
	const char *slash = strrchr(name, '/');
	text_copy(user->symbol, sizeof(user->symbol), slash ? slash + 1 : name);
	*plus = 0;
	text_copy(user->module, sizeof(user->module), name);
	return *user->module ? NULL : "a file is needed before +0x";
}

static const char *take_name(char *name, struct user_function *user)
{
	char *colon = strrchr(name, ':'), *plus = strstr(name, "+0x");

	if (plus)
		return take_offset(name, plus, user);
	if (colon) {
		*colon = 0;
		text_copy(user->module, sizeof(user->module), name);
		name = colon + 1;
		if (!*user->module)
			return "a file is needed before the colon";
	}
	if (!*name)
		return "the function's name is missing";
	if (strlen(name) >= sizeof(user->symbol))
		return "the function's name is too long";
	text_copy(user->symbol, sizeof(user->symbol), name);
	return NULL;
}

int user_function_parse(const char *text, bool is_free, struct user_function *user,
			const char **why)
{
	int8_t places[ROLE_TOTAL] = {
		[ROLE_SIZE] = 0,      [ROLE_COUNT] = NOWHERE,	[ROLE_ALIGN] = NOWHERE,
		[ROLE_OLD] = NOWHERE, [ROLE_RESULT] = RETURNED, [ROLE_PTR] = 0
	};
	const char *colon = strrchr(text, ':');
	bool has_places = colon && strchr(colon, '=');
	char name[sizeof(user->module)];

	*user = (struct user_function) { 0 };
	*why = NULL;
	size_t length = has_places ? (size_t)(colon - text) : strlen(text);
	if (length >= sizeof(name)) {
		*why = "it is too long";
		return -EINVAL;
	}
	memcpy(name, text, length);
	name[length] = 0;
	*why = take_name(name, user);
	if (!*why && has_places)
		*why = parse_places(colon + 1, is_free, places);
	if (!*why)
		*why = take_places(places, is_free, user);
	return *why ? -EINVAL : 0;
}

bool user_function_concerns(const struct user_function *user, const char *path)
{
	const char *slash = strrchr(path, '/');

	return !*user->module || strcmp(user->module, path) == 0 ||
	       (slash && strcmp(user->module, slash + 1) == 0);
}
