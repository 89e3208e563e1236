// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocations at known depths: deep [-g FIFO] [-o FILE]
 *
 * A site's name here ends in @N: N frames named `descend` lie above site_deep.
 */
#include "truth.h"

#define NAME_MAX_SIZE 24

static char names[TRUTH_SITES_MAX][NAME_MAX_SIZE];

static const char *name_of(unsigned depth)
{
	char *name = names[depth];

	if (!name[0]) {
		truth_put_field("site_deep@", depth);
		memcpy(name, truth_text, truth_text_size);
		truth_text_size = 0;
	}
	return name;
}

SITE struct block site_deep(const char *name, size_t size)
{
	return block_malloc(name, size);
}

/* The frame is larger at some depths than at others, as in real programs. */
SITE struct block descend(unsigned left, const char *name, size_t size)
{
	char frame[left % 5 * 100 + 1];
	struct block block;

	__asm__ volatile("" : : "r"(frame) : "memory");
	block = left > 1 ? descend(left - 1, name, size) : site_deep(name, size);
	__asm__ volatile("" : : "r"(frame) : "memory");
	return block;
}

int main(int argc, char **argv)
{
	static const unsigned depths[] = { 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 200 };

	truth_arguments(argc, argv);
	for (unsigned i = 0; i < sizeof(depths) / sizeof(depths[0]); i++)
		name_of(depths[i]);
	truth_go();
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
			struct block block = descend(depths[i], name_of(depths[i]), depths[i]);

			if (round % 2)
				block_free(&block);
		}
	}
	truth_end();
}
