// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/demangle.h"

#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

/* Some hundred bytes can demangle to megabytes, by references to what came before. */
#define SYMBOL_MAX 1024
#define NAME_MAX   4096

static char *demangle_fresh(const char *symbol)
{
	/* without DMGL_NO_RECURSE_LIMIT, libiberty gives up at its own depth */
	const int options = DMGL_PARAMS | DMGL_ANSI;
	char *name = NULL;

	if (strnlen(symbol, SYMBOL_MAX) == SYMBOL_MAX)
		return NULL;
	if (strncmp(symbol, "_R", 2) == 0)
		name = rust_demangle(symbol, options);
	else if (strncmp(symbol, "_Z", 2) == 0) {
		/* Rust's older names are C++ names with a hash at the end */
		name = rust_demangle(symbol, options);
		if (!name)
			name = cplus_demangle_v3(symbol, options);
	}
	if (name && strlen(name) > NAME_MAX)
		name[NAME_MAX] = 0;
	return name;
}

const char *demangle(struct demangler *demangler, const char *symbol)
{
	if (symbol[0] != '_' || (symbol[1] != 'Z' && symbol[1] != 'R'))
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
