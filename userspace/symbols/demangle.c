// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SYMBOL_MAX 4096 /* libiberty goes as deep as a symbol is long */
#define NAME_MAX \
	4096 /* some hundred bytes can become gigabytes, by references to what came before */
#define CUT    "..."
#define CALLED "@plt"

struct readable {
	jmp_buf is_full;
	size_t size;
	char text[NAME_MAX + sizeof(CUT)];
};

/* The only way to end a demangling early: libiberty holds nothing meanwhile that must be freed. */
static void append(const char *piece, size_t size, void *context)
{
	struct readable *readable = context;
	size_t room = NAME_MAX - readable->size, taken = size < room ? size : room;

	if (!size) /* a name without any letters is at NULL */
		return;
	memcpy(readable->text + readable->size, piece, taken);
	readable->size += taken;
	if (taken == size)
		return;
	/* not in the middle of a character of UTF-8, which the first byte without room tells */
	readable->text[NAME_MAX] = piece[taken];
	while (readable->size && (readable->text[readable->size] & 0xc0) == 0x80)
		readable->size--;
	longjmp(readable->is_full, 1);
}

/* False: it is not mangled, or not as it should be. */
static bool read_mangled(const char *symbol, struct readable *readable)
{
	/* its own limit would refuse what is longer than 1024 bytes; SYMBOL_MAX is ours */
	const int options = DMGL_PARAMS | DMGL_ANSI | DMGL_NO_RECURSE_LIMIT;

	readable->size = 0;
	if (setjmp(readable->is_full)) {
		memcpy(readable->text + readable->size, CUT, sizeof(CUT));
		return true;
	}
	/* Rust's older names are C++ names with a hash at the end. Its own names of today need no
	 * such depth. */
	bool is_read = rust_demangle_callback(symbol, DMGL_PARAMS | DMGL_ANSI, append, readable);
	if (!is_read && symbol[1] == 'Z') {
		readable->size = 0;
		is_read = cplus_demangle_v3_callback(symbol, options, append, readable);
	}
	readable->text[readable->size] = 0;
	return is_read;
}

bool is_mangled(const char *symbol)
{
	return symbol[0] == '_' && (symbol[1] == 'Z' || symbol[1] == 'R');
}

/* A fresh string; NULL where the symbol itself is all there is to say. */
static char *demangle_fresh(const char *symbol)
{
	struct readable readable;
	char base[SYMBOL_MAX];
	size_t size = strcspn(symbol, "@");
	const char *called = strcmp(symbol + size, CALLED) == 0 ? CALLED : "";

	if (size >= SYMBOL_MAX)
		return NULL;
	memcpy(base, symbol, size);
	base[size] = 0;
	const char *name = is_mangled(base) && read_mangled(base, &readable) ? readable.text : base;
	size = strlen(name);
	char *fresh = malloc(size + sizeof(CALLED));
	if (!fresh)
		return NULL;
	memcpy(fresh, name, size);
	strcpy(fresh + size, called);
	return fresh;
}

const char *demangle(struct demangler *demangler, const char *symbol)
{
	if (!is_mangled(symbol) && !strchr(symbol, '@'))
		return symbol;
	const uint64_t *known = map_get(&demangler->names, (uintptr_t)symbol);
	if (known)
		return *known ? (const char *)(uintptr_t)*known : symbol;
	char *name = demangle_fresh(symbol);
	if (map_put(&demangler->names, (uintptr_t)symbol, (uintptr_t)name)) {
		free(name);
		name = NULL;
	}
	return name ? name : symbol;
}

void demangler_free(struct demangler *demangler)
{
	for (size_t i = 0; i < demangler->names.capacity; i++)
		if (demangler->names.slots && demangler->names.slots[i].key)
			free((void *)(uintptr_t)demangler->names.slots[i].value);
	map_free(&demangler->names);
}
