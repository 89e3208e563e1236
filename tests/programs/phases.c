// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server whose load changes: phases [-g FIFO] [-o FILE] [FIRST [SECOND [PAUSE_US]]]
 *
 * Two phases with a pause between them, of FIRST and of SECOND requests. Each request keeps a
 * block, passes one on, which the other phase frees, and has one for itself. The second phase also
 * resizes what the first kept. The truth of a phase is what it allocated and had at its end: a
 * block counts under the name of its phase, and `first` is the truth as it was when that one ended.
 */
#include "truth.h"

#define REQUESTS_MAX 4096

static struct truth first_phase;
static struct block kept[REQUESTS_MAX], passed[REQUESTS_MAX];

SITE struct block site_keep(const char *name)
{
	return block_malloc(name, 64);
}

SITE struct block site_pass(const char *name)
{
	return block_malloc(name, 100);
}

SITE struct block site_buffer(const char *name)
{
	return block_calloc(name, 1, 512);
}

SITE void site_resize(const char *name, struct block *block)
{
	block_realloc(name, block, 200);
}

/* Under what a phase's blocks count. */
static const struct phase {
	const char *keep, *pass, *buffer;
} PHASES[] = {
	{ "first_keep", "first_pass", "first_buffer" },
	{ "second_keep", "second_pass", "second_buffer" },
};

SITE void handle_request(const struct phase *phase, struct block *keep, struct block *pass)
{
	struct block buffer = site_buffer(phase->buffer);

	*keep = site_keep(phase->keep);
	*pass = site_pass(phase->pass);
	block_free(&buffer);
}

static void run_first(uint64_t requests)
{
	for (uint64_t i = 0; i < requests; i++)
		handle_request(&PHASES[0], &kept[i], &passed[i]);
}

static void run_second(uint64_t requests, uint64_t requests_before)
{
	struct block keep, pass;

	for (uint64_t i = 0; i < requests_before; i++)
		block_free(&passed[i]);
	for (uint64_t i = 0; i < requests_before; i += 2)
		site_resize("second_resize", &kept[i]);
	for (uint64_t i = 0; i < requests; i++)
		handle_request(&PHASES[1], &keep, &pass);
}

static void put_first(void)
{
	truth_put("\"first\":{");
	truth_put_sites(&first_phase);
	truth_put("},");
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	uint64_t first = truth_number(argc, argv, next, 100);
	uint64_t second = truth_number(argc, argv, next + 1, 300);
	uint64_t pause_us = truth_number(argc, argv, next + 2, 20000);

	if (first > REQUESTS_MAX)
		return 1;
	truth_put_more = put_first;
	truth_go();
	run_first(first);
	first_phase = *truth_mine;
	usleep(pause_us);
	run_second(second, first);
	truth_end();
}
