// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads that tell of moments and of scopes, some by mistake, and know what each tag has:
 * tagged [-g FIFO] [-o FILE] [THREADS [ROUNDS [EXEC]]]
 * It waits for the FIFO once more in between. With EXEC it first becomes itself inside of a scope,
 * which nothing is in any more then.
 */
#include "truth.h"
#include "random.h"

#include "../../userspace/include/heaptrail.h"

#include <pthread.h>

#define SLOTS	    64
#define DEPTH_MAX   64 /* deeper scopes have the tag of this one */
#define THREADS_MAX 8
#define CUT	    "what is longer than sixty-three bytes is cut, wherever that may"

/* As they are told, and as they are to be found. */
static const char *const NAMES[][2] = {
	{ "", "" }, /* no tag */
	{ "render", "render" },
	{ "render/textures", "render/textures" },
	{ "render/textures/mip", "render/textures/mip" },
	{ "render/meshes", "render/meshes" },
	{ "net", "net" },
	{ "net/tls", "net/tls" },
	{ "renderer", "renderer" },
	{ "a//b", "a//b" },
	{ "/root", "/root" },
	{ "evil\n\033[31m\"/\\red", "evil\n\033[31m\"/\\red" },
	{ "\303\274ber/\377", "\303\274ber/\377" },
	{ CUT " be/and/never/be/seen", CUT },
};
#define NAME_COUNT (sizeof(NAMES) / sizeof(NAMES[0]))

struct tagged_block {
	struct block block;
	size_t name;
};

struct tag_counts {
	uint64_t allocations, reallocations, frees, allocated_bytes, live_bytes, live_blocks;
};

struct scopes {
	size_t names[DEPTH_MAX];
	uint64_t depth, begun, unmatched, too_deep, marks;
	struct tag_counts tags[NAME_COUNT];
	struct tagged_block blocks[SLOTS];
};

static struct scopes scopes_of_threads[THREADS_MAX];
static uint64_t rounds;
static unsigned thread_count;

static size_t top(const struct scopes *scopes)
{
	uint64_t depth = scopes->depth < DEPTH_MAX ? scopes->depth : DEPTH_MAX;

	return depth ? scopes->names[depth - 1] : 0;
}

static void enter(struct scopes *scopes, size_t name)
{
	/* from a place that changes, as names that are made up do */
	char text[256];

	strcpy(text, NAMES[name][0]);
	if (name % 2)
		HEAPTRAIL_TAG_BEGIN(text);
	else
		HEAPTRAIL_TAG_BEGIN(NAMES[name][0]);
	scopes->begun++;
	if (scopes->depth < DEPTH_MAX)
		scopes->names[scopes->depth] = name;
	else
		scopes->too_deep++;
	scopes->depth++;
}

static void leave(struct scopes *scopes)
{
	HEAPTRAIL_TAG_END();
	if (scopes->depth)
		scopes->depth--;
	else
		scopes->unmatched++;
}

static void lose(struct scopes *scopes, struct tagged_block *block)
{
	struct tag_counts *tag = &scopes->tags[block->name];

	tag->live_bytes -= block->block.size;
	tag->live_blocks--;
}

static void gain(struct scopes *scopes, struct tagged_block *block)
{
	struct tag_counts *tag = &scopes->tags[block->name];

	tag->allocated_bytes += block->block.size;
	tag->live_bytes += block->block.size;
	tag->live_blocks++;
}

SITE void site_tagged_malloc(struct scopes *scopes, struct tagged_block *block, size_t size)
{
	block->block = block_malloc(__func__, size);
	block->name = top(scopes);
	scopes->tags[block->name].allocations++;
	gain(scopes, block);
}

/* The block goes over to where it is resized. */
SITE void site_tagged_realloc(struct scopes *scopes, struct tagged_block *block, size_t size)
{
	lose(scopes, block);
	block_realloc(__func__, &block->block, size);
	block->name = top(scopes);
	scopes->tags[block->name].reallocations++;
	gain(scopes, block);
}

static void release(struct scopes *scopes, struct tagged_block *block)
{
	scopes->tags[block->name].frees++;
	lose(scopes, block);
	block_free(&block->block);
}

static void step(struct scopes *scopes, struct random *random)
{
	struct tagged_block *block = &scopes->blocks[random_below(random, SLOTS)];
	size_t size = 1 + random_below(random, 3000);

	switch (random_below(random, 8)) {
	case 0: enter(scopes, random_below(random, NAME_COUNT)); return;
	case 1: leave(scopes); return;
	}
	if (!block->block.address)
		site_tagged_malloc(scopes, block, size);
	else if (size % 3)
		release(scopes, block);
	else
		site_tagged_realloc(scopes, block, size);
}

static void dive(struct scopes *scopes, struct random *random)
{
	for (int i = 0; i < DEPTH_MAX + 6; i++) {
		enter(scopes, random_below(random, NAME_COUNT));
		step(scopes, random);
	}
	while (scopes->depth > 1)
		leave(scopes);
}

static void *churn(void *argument)
{
	unsigned index = (uintptr_t)argument;
	struct scopes *scopes = &scopes_of_threads[index];
	struct random random = { 88172645463325252 + index };

	truth_thread_begin(index);
	for (uint64_t i = 0; i < rounds; i++) {
		if (i == rounds / 2)
			dive(scopes, &random);
		step(scopes, &random);
	}
	truth_thread_end();
}

/* --- the truth --- */

/* Any bytes, as the report has them: what is not UTF-8 as \xNN. Names with others are no names
 * here. */
static void put_name(const char *name)
{
	char text[8];

	truth_put("\"");
	for (; *name; name++) {
		unsigned char byte = (unsigned char)*name;
		if (byte == 0xff || (byte < 0x20)) {
			snprintf(text, sizeof(text), byte < 0x20 ? "\\u%04x" : "\\\\x%02x", byte);
		} else {
			text[0] = byte == '"' || byte == '\\' ? '\\' : *name;
			text[1] = byte == '"' || byte == '\\' ? *name : 0;
			text[2] = 0;
		}
		truth_put(text);
	}
	truth_put("\"");
}

static void put_counts(const struct tag_counts *sum)
{
	truth_put_field(":{\"allocations\":", sum->allocations);
	truth_put_field(",\"reallocations\":", sum->reallocations);
	truth_put_field(",\"frees\":", sum->frees);
	truth_put_field(",\"allocated_bytes\":", sum->allocated_bytes);
	truth_put_field(",\"live_bytes\":", sum->live_bytes);
	truth_put_field(",\"live_blocks\":", sum->live_blocks);
	truth_put("}");
}

static void put_tags(void)
{
	struct scopes all = { 0 };
	const char *before = "";

	truth_put("\"tags\":{");
	for (size_t i = 0; i < NAME_COUNT; i++) {
		struct tag_counts *sum = &all.tags[i];
		for (unsigned t = 0; t < THREADS_MAX; t++) {
			const struct tag_counts *part = &scopes_of_threads[t].tags[i];
			sum->allocations += part->allocations;
			sum->reallocations += part->reallocations;
			sum->frees += part->frees;
			sum->allocated_bytes += part->allocated_bytes;
			sum->live_bytes += part->live_bytes;
			sum->live_blocks += part->live_blocks;
		}
		if (!sum->allocations && !sum->reallocations)
			continue;
		truth_put(before);
		before = ",";
		put_name(NAMES[i][1]);
		put_counts(sum);
	}
	for (unsigned t = 0; t < THREADS_MAX; t++) {
		all.begun += scopes_of_threads[t].begun;
		all.unmatched += scopes_of_threads[t].unmatched;
		all.too_deep += scopes_of_threads[t].too_deep;
	}
	truth_put_field("},\"scopes\":{\"scopes\":", all.begun);
	truth_put_field(",\"unmatched_ends\":", all.unmatched);
	truth_put_field(",\"too_deep\":", all.too_deep);
	truth_put(",\"missing\":0},");
}

static void become(char **argv)
{
	char *command[] = { argv[0],
			    (char *)"-g",
			    (char *)truth_fifo,
			    (char *)"-o",
			    (char *)truth_output,
			    (char *)"1",
			    (char *)"1000",
			    NULL };

	truth_go();
	HEAPTRAIL_TAG_BEGIN("before exec");
	for (size_t i = 0; i < 7; i++)
		if (!malloc(1000))
			_exit(1);
	execv("/proc/self/exe", command);
	_exit(126);
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	struct scopes *mine = &scopes_of_threads[0];
	struct random random = { 4711 };
	pthread_t thread;

	thread_count = truth_number(argc, argv, next, 4);
	rounds = truth_number(argc, argv, next + 1, 5000);
	if (thread_count >= THREADS_MAX)
		return 2;
	if (argc > next + 2)
		become(argv);
	truth_is_concurrent = true;
	truth_put_more = put_tags;
	for (uintptr_t i = 1; i <= thread_count; i++)
		if (pthread_create(&thread, NULL, churn, (void *)i) != 0)
			return 1;
	truth_go();
	HEAPTRAIL_MARK("loaded");
	enter(mine, 1);
	truth_threads_await(thread_count);
	HEAPTRAIL_MARK("half-way/\n\033[31m");
	/* time for another segment, which begins in a scope */
	truth_await();
	/* what others have allocated is freed here, or given another tag */
	for (unsigned i = 1; i <= thread_count; i++)
		for (unsigned k = 0; k < SLOTS; k += 2) {
			struct tagged_block *block = &scopes_of_threads[i].blocks[k];
			if (block->block.address && k % 4)
				release(mine, block);
			else if (block->block.address)
				site_tagged_realloc(mine, block, 100 + k);
		}
	HEAPTRAIL_MARK("loaded");
	step(mine, &random);
	HEAPTRAIL_MARK("ready");
	for (unsigned i = 0; i < 10; i++)
		site_tagged_malloc(mine, &mine->blocks[i], 10);
	truth_end();
}
