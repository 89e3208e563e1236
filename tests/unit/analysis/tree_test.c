// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* One module whose addresses 100, 101: work; 200: main; 300: an inlined call of help in work. */
static void feed(struct model *model, enum chunk_type type, struct bytes_buffer *out)
{
	assert_false(out->failed);
	assert_int_equal(model_feed(model, type, out->data, out->size), 0);
	bytes_free(out);
}

static void open_model(struct model *model)
{
	struct bytes_buffer out = { 0 };
	struct names_writer *writer = names_writer_new();

	assert_int_equal(model_open(model, &(struct filter)FILTER_NONE), 0);
	module_record_put(&out, &(struct module_record) { .id = 1, .path = (char *)"/bin/a" });
	feed(model, CHUNK_MODULES, &out);
	names_writer_add(writer, 100, &(struct name) { "work", "a.c", 10 }, 1);
	names_writer_add(writer, 101, &(struct name) { "work", "a.c", 11 }, 1);
	names_writer_add(writer, 200, &(struct name) { "main", "a.c", 20 }, 1);
	names_writer_add(writer, 300,
			 (struct name[]) { { "help", "a.c", 30 }, { "work", "a.c", 12 } }, 2);
	bytes_put_varint(&out, 1);
	names_writer_finish(writer, &out);
	names_writer_free(writer);
	feed(model, CHUNK_NAMES, &out);
	thread_record_put(&out,
			  &(struct thread_record) { .id = 1, .pid = 9, .tid = 9, .comm = NULL });
	feed(model, CHUNK_THREADS, &out);
}

/* leaf first, 0 ends; frames of module 1, or of none where the offset is over 1000 */
static void add_stack(struct model *model, uint32_t id, const uint64_t *offsets)
{
	static struct stack_record record;
	struct bytes_buffer out = { 0 };

	record = (struct stack_record) { .id = id };
	for (; *offsets; offsets++)
		record.frames[record.frame_count++] = (struct record_frame) {
			.module = *offsets > 1000 ? 0 : 1, .offset = *offsets
		};
	stack_record_put(&out, &record);
	feed(model, CHUNK_STACKS, &out);
}

static void add_events(struct model *model, const struct capture_event *events, size_t count)
{
	struct bytes_buffer out = { 0 };

	capture_events_encode(&out, events, count);
	feed(model, CHUNK_EVENTS, &out);
}

static struct capture_event allocation(uint64_t time_ns, uint64_t address, uint64_t size,
				       uint32_t stack)
{
	return (struct capture_event) { .kind = CAPTURE_ALLOC,
					.time_ns = time_ns,
					.address = address,
					.size = size,
					.thread = 1,
					.stack = stack };
}

static const struct tree_node *child(const struct tree_node *node, const char *function)
{
	for (const struct tree_node *at = node->children; at; at = at->next)
		if (strcmp(at->frame.function, function) == 0)
			return at;
	return NULL;
}

static size_t children(const struct tree_node *node)
{
	size_t count = 0;

	for (const struct tree_node *at = node->children; at; at = at->next)
		count++;
	return count;
}

static void calls_of_one_function_are_one_node_whatever_line_they_are_on(void **state)
{
	struct model model;

	(void)state;
	open_model(&model);
	add_stack(&model, 1, (uint64_t[]) { 100, 200, 0 });
	add_stack(&model, 2, (uint64_t[]) { 101, 200, 0 });
	struct capture_event events[] = { allocation(5, 0x1000, 10, 2),
					  allocation(7, 0x2000, 30, 1),
					  allocation(9, 0x3000, 1, 1) };
	add_events(&model, events, 3);
	struct tree_node *root = tree_new(&model, false);
	const struct tree_node *main_node = child(root, "main");
	assert_int_equal(children(root), 1);
	assert_int_equal(children(main_node), 1);
	const struct tree_node *work = child(main_node, "work");
	assert_non_null(work);
	assert_int_equal(work->sums.live_bytes, 41);
	assert_int_equal(work->sums.allocations, 3);
	assert_int_equal(work->sums.first_ns, 5);
	assert_int_equal(work->sums.last_ns, 9);
	assert_memory_equal(&work->sums, &root->sums, sizeof(root->sums));
	tree_free(root);
	model_close(&model);
}

static void inlined_calls_are_nodes_below_their_function(void **state)
{
	struct model model;

	(void)state;
	open_model(&model);
	add_stack(&model, 1, (uint64_t[]) { 300, 200, 0 });
	struct capture_event event = allocation(1, 0x1000, 10, 1);
	add_events(&model, &event, 1);
	struct tree_node *root = tree_new(&model, false);
	const struct tree_node *work = child(child(root, "main"), "work");
	assert_non_null(work);
	assert_false(work->frame.is_inlined);
	const struct tree_node *help = child(work, "help");
	assert_non_null(help);
	assert_true(help->frame.is_inlined);
	assert_null(help->children);
	tree_free(root);
	model_close(&model);
}

static void addresses_without_names_are_nodes_of_their_own(void **state)
{
	struct model model;

	(void)state;
	open_model(&model);
	add_stack(&model, 1, (uint64_t[]) { 5000, 200, 0 });
	add_stack(&model, 2, (uint64_t[]) { 5008, 200, 0 });
	add_stack(&model, 3, (uint64_t[]) { 5008, 200, 0 });
	add_stack(&model, 4, (uint64_t[]) { 999, 200, 0 });
	struct capture_event events[] = { allocation(1, 0x1000, 1, 1), allocation(2, 0x2000, 2, 2),
					  allocation(3, 0x3000, 4, 3),
					  allocation(4, 0x4000, 8, 4) };
	add_events(&model, events, 4);
	struct tree_node *root = tree_new(&model, false);
	assert_int_equal(children(child(root, "main")), 3);
	tree_free(root);
	model_close(&model);
}

static void recursion_is_a_path_and_not_a_loop(void **state)
{
	struct model model;

	(void)state;
	open_model(&model);
	add_stack(&model, 1, (uint64_t[]) { 100, 101, 100, 200, 0 });
	struct capture_event event = allocation(1, 0x1000, 10, 1);
	add_events(&model, &event, 1);
	struct tree_node *root = tree_new(&model, false);
	const struct tree_node *node = child(root, "main");
	for (int depth = 0; depth < 3; depth++) {
		node = child(node, "work");
		assert_non_null(node);
		assert_int_equal(node->sums.live_bytes, 10);
	}
	assert_null(node->children);
	tree_free(root);
	model_close(&model);
}

static void stacks_without_a_record_count_at_the_root(void **state)
{
	struct model model;

	(void)state;
	open_model(&model);
	struct capture_event events[] = { allocation(1, 0x1000, 1, 0),
					  allocation(2, 0x2000, 2, 77) };
	add_events(&model, events, 2);
	struct tree_node *root = tree_new(&model, false);
	assert_int_equal(root->sums.live_bytes, 3);
	assert_null(root->children);
	tree_free(root);
	model_close(&model);
}

static uint64_t seed;

static uint64_t rnd(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> 33;
}

/* The sums of a node are those of its children and of the stacks that end at it. */
static uint64_t leaves(const struct tree_node *node, uint64_t *at_ends)
{
	uint64_t sum = 0;

	for (const struct tree_node *at = node->children; at; at = at->next)
		sum += leaves(at, at_ends);
	assert_true(sum <= node->sums.live_bytes);
	*at_ends += node->sums.live_bytes - sum;
	return node->sums.live_bytes;
}

/* Missed frees, frees of unknown blocks and reallocs among them. */
static void the_root_is_the_sum_of_the_stacks_and_the_total(void **state)
{
	static const uint64_t OFFSETS[] = { 100, 101, 200, 300, 5000, 999 };
	enum {
		STACKS = 40,
		EVENTS = 20000
	};
	struct capture_event *events = calloc(EVENTS, sizeof(*events));
	struct model model;
	uint64_t bytes = 0, blocks = 0, at_ends = 0;

	(void)state;
	seed = 1;
	open_model(&model);
	for (uint32_t id = 1; id < STACKS; id++) {
		uint64_t offsets[20] = { 0 };
		for (uint64_t i = 0, depth = rnd() % 19; i < depth; i++)
			offsets[i] = OFFSETS[rnd() % 6];
		add_stack(&model, id, offsets);
	}
	for (uint64_t i = 0; i < EVENTS; i++) {
		events[i] = allocation(i, 0x1000 + rnd() % 500 * 16, rnd() % 999,
				       (uint32_t)(rnd() % STACKS));
		events[i].kind = (uint8_t)(1 + rnd() % 3);
		if (events[i].kind == CAPTURE_FREE)
			events[i].size = 0;
		if (events[i].kind == CAPTURE_REALLOC)
			events[i].old_address = 0x1000 + rnd() % 500 * 16;
	}
	add_events(&model, events, EVENTS);
	const struct live_totals *totals = live_totals(model.live);
	assert_true(totals->missed_frees && totals->frees_of_unknown);
	for (size_t i = 0; i < model.stack_count; i++) {
		bytes += model.stacks[i].sums.live_bytes;
		blocks += model.stacks[i].sums.live_blocks;
	}
	assert_int_equal(bytes, totals->live_bytes);
	assert_int_equal(blocks, totals->live_blocks);
	struct tree_node *root = tree_new(&model, false);
	assert_int_equal(root->sums.live_bytes, totals->live_bytes);
	assert_int_equal(root->sums.live_blocks, totals->live_blocks);
	assert_int_equal(root->sums.allocated_bytes, totals->allocated_bytes);
	assert_int_equal(root->sums.allocations, totals->allocations);
	assert_int_equal(root->sums.reallocations, totals->reallocations);
	leaves(root, &at_ends);
	assert_int_equal(at_ends, totals->live_bytes);
	tree_free(root);
	model_close(&model);
	free(events);
}

static void an_empty_model_is_a_root(void **state)
{
	struct model model;

	(void)state;
	assert_int_equal(model_open(&model, &(struct filter)FILTER_NONE), 0);
	struct tree_node *root = tree_new(&model, false);
	assert_non_null(root);
	assert_null(root->children);
	tree_free(root);
	model_close(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_of_one_function_are_one_node_whatever_line_they_are_on),
		cmocka_unit_test(inlined_calls_are_nodes_below_their_function),
		cmocka_unit_test(addresses_without_names_are_nodes_of_their_own),
		cmocka_unit_test(recursion_is_a_path_and_not_a_loop),
		cmocka_unit_test(stacks_without_a_record_count_at_the_root),
		cmocka_unit_test(the_root_is_the_sum_of_the_stacks_and_the_total),
		cmocka_unit_test(an_empty_model_is_a_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
