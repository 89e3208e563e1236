// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocations at known depths: deep [-g FIFO] [-o FILE] [DEPTH...]
 *
 * A site's name here ends in @N: N frames named `descend` lie above site_deep.
 */
#include "truth.h"

#define NAME_MAX_SIZE 24
#define DEPTHS_MAX    16

static unsigned depths[DEPTHS_MAX] = { 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 200 };
static unsigned depth_count = 12;
static char names[DEPTHS_MAX][NAME_MAX_SIZE];

static void name_depths(void)
{
	for (unsigned i = 0; i < depth_count; i++) {
		truth_put_field("site_deep@", depths[i]);
		memcpy(names[i], truth_text, truth_text_size);
		truth_text_size = 0;
	}
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
	int next = truth_arguments(argc, argv);

	if (next < argc)
		depth_count = 0;
	for (; next < argc && depth_count < DEPTHS_MAX; next++)
		depths[depth_count++] = (unsigned)strtoul(argv[next], NULL, 10);
	name_depths();
	truth_go();
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < depth_count; i++) {
			struct block block = descend(depths[i], names[i], depths[i]);

			if (round % 2)
				block_free(&block);
		}
	}
	truth_end();
}
