/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A library that allocates. SITE is its function's name, FRAME the bytes that its frame takes. */
#include <stdlib.h>

#define TEXT_OF(name) #name
#define TEXT(name)    TEXT_OF(name)

const char plugin_name[] = TEXT(SITE);

static void use(char *bytes)
{
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

void *SITE(size_t size)
{
	char bytes[FRAME];
	void *block;

	use(bytes);
	block = malloc(size);
	use(bytes);
	return block;
}
