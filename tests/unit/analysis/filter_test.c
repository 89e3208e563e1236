// SPDX-License-Identifier: GPL-2.0-or-later
/* Every figure under a filter against a model that keeps a plain list of blocks. */
#include "analysis/filter.h"
#include "analysis/tree.h"
#include "base/suppressions.h"
#include "base/glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STACKS	4
#define THREADS 3
#define EVENTS	4000
#define STEP_NS 1000000ull
#define END_NS	(STEP_NS * (EVENTS + 1))
#define PLACES	60

static const struct {
	uint32_t pid, tid;
	const char *comm;
} THREAD_ROWS[THREADS + 1] = {
	{ 0 }, { 9, 9, "server" }, { 9, 10, "worker-1" }, { 11, 11, "worker-2" }
};

/* Functions of each stack, in /bin/a; 300 is in /lib/libb.so. */
static const uint64_t OFFSETS[STACKS + 1][3] = {
	{ 0 }, { 100, 200 }, { 101, 200 }, { 300, 200 }, { 300, 101 }
};

static const struct {
	const char *function, *module;
} NAMES_OF[STACKS + 1][2] = { { { 0 } },
			      { { "work", "a" }, { "main", "a" } },
			      { { "wait", "a" }, { "main", "a" } },
			      { { "help", "libb.so" }, { "main", "a" } },
			      { { "help", "libb.so" }, { "wait", "a" } } };

/* Processes: name, executable, pid. */
static const struct target_record TARGETS[] = {
	{ .id = 1, .pid = 9, .comm = "server", .exe = "/usr/sbin/serverd" },
	{ .id = 2, .pid = 11, .comm = "tool", .exe = "/usr/bin/tool-2" },
};

static const char *const ALLOCATORS[] = { "", "malloc", "calloc" }; /* by id */

static bool survives[EVENTS + 1]; /* by number of the allocation: it is live at the end */

static void feed(struct model *model, enum chunk_type type, struct bytes_buffer *out)
{
	assert_false(out->failed);
	assert_int_equal(model_feed(model, type, out->data, out->size), 0);
	bytes_free(out);
}

static void feed_names(struct model *model)
{
	struct bytes_buffer out = { 0 };
	static struct stack_record stack;

	module_record_put(&out, &(struct module_record) { .id = 1, .path = (char *)"/bin/a" });
	module_record_put(&out,
			  &(struct module_record) { .id = 2, .path = (char *)"/lib/libb.so" });
	feed(model, CHUNK_MODULES, &out);
	for (uint32_t module = 1; module <= 2; module++) {
		struct names_writer *writer = names_writer_new();
		if (module == 1) {
			names_writer_add(writer, 100, &(struct name) { "work", "a.c", 10 }, 1);
			names_writer_add(writer, 101, &(struct name) { "wait", "a.c", 11 }, 1);
			names_writer_add(writer, 200, &(struct name) { "main", "a.c", 20 }, 1);
		} else {
			names_writer_add(writer, 300, &(struct name) { "help", "b.c", 30 }, 1);
		}
		bytes_put_varint(&out, module);
		names_writer_finish(writer, &out);
		names_writer_free(writer);
		feed(model, CHUNK_NAMES, &out);
	}
	for (uint32_t id = 1; id <= STACKS; id++) {
		stack = (struct stack_record) { .id = id, .frame_count = 2 };
		for (int i = 0; i < 2; i++)
			stack.frames[i] = (struct record_frame) {
				.module = OFFSETS[id][i] == 300 ? 2 : 1, .offset = OFFSETS[id][i]
			};
		stack_record_put(&out, &stack);
	}
	feed(model, CHUNK_STACKS, &out);
}

/* --- the plain model --- */

struct plain_block {
	bool is_there;
	struct capture_event event; /* that allocated it */
	uint64_t resizes;
};

struct plain {
	struct plain_block blocks[2][PLACES]; /* by process */
	struct live_totals totals;
	struct stack_sums stacks[STACKS + 1];
	uint64_t ended, lifetime_ns; /* of blocks that were freed or resized */
};

static bool passes(const struct filter *filter, const struct capture_event *allocation)
{
	bool has_function = !filter->function[0], has_module = !filter->module[0];

	for (int i = 0; i < 2; i++) {
		has_function |= glob_matches(filter->function,
					     NAMES_OF[allocation->stack][i].function);
		has_module |= glob_matches(filter->module, NAMES_OF[allocation->stack][i].module);
		if (filter->not_function[0] &&
		    glob_matches(filter->not_function, NAMES_OF[allocation->stack][i].function))
			return false;
		if (filter->not_module[0] &&
		    glob_matches(filter->not_module, NAMES_OF[allocation->stack][i].module))
			return false;
	}
	if (filter->is_live && !survives[allocation->time_ns / STEP_NS])
		return false;
	if (filter->allocator[0] &&
	    !glob_matches(filter->allocator, ALLOCATORS[allocation->function]))
		return false;
	const struct target_record *target = &TARGETS[THREAD_ROWS[allocation->thread].pid == 11];
	if (filter->process[0] && !glob_matches(filter->process, target->comm) &&
	    !glob_matches(filter->process, strrchr(target->exe, '/') + 1))
		return false;
	for (int i = 0; filter->suppressed[0] && i < 2; i++)
		if (strcmp(NAMES_OF[allocation->stack][i].function, "help") == 0)
			return false;
	uint64_t age = END_NS - allocation->time_ns;
	if (filter->holding && (filter->holding < allocation->address ||
				(filter->holding != allocation->address &&
				 filter->holding - allocation->address >= allocation->size)))
		return false;
	if (filter->address && allocation->address != filter->address)
		return false;
	return has_function && has_module && age >= filter->age_min_ns &&
	       age <= filter->age_max_ns &&
	       (!filter->pid || THREAD_ROWS[allocation->thread].pid == filter->pid) &&
	       (!filter->thread[0] ||
		glob_matches(filter->thread, THREAD_ROWS[allocation->thread].comm)) &&
	       allocation->size >= filter->size_min && allocation->size <= filter->size_max &&
	       allocation->time_ns >= filter->from_ns;
}

static void plain_close(struct plain *plain, const struct filter *filter, struct plain_block *block,
			const struct capture_event *event)
{
	bool is_free = event->kind == CAPTURE_FREE;

	if (passes(filter, &block->event)) {
		plain->ended++;
		plain->lifetime_ns += event->time_ns - block->event.time_ns;
		struct stack_sums *sums = &plain->stacks[block->event.stack];
		plain->totals.live_bytes -= block->event.size;
		plain->totals.live_blocks--;
		plain->totals.freed_bytes += block->event.size;
		sums->live_bytes -= block->event.size;
		sums->live_blocks--;
		sums->frees += is_free;
		sums->lifetime_us += event->time_ns / 1000 - block->event.time_ns / 1000;
		plain->totals.frees += is_free;
	}
	block->is_there = false;
}

static void plain_apply(struct plain *plain, const struct filter *filter,
			const struct capture_event *event)
{
	struct plain_block *blocks = plain->blocks[THREAD_ROWS[event->thread].pid == 11];
	struct plain_block *block = &blocks[event->address / 16 - 1];

	if (event->time_ns > filter->to_ns)
		return;
	if (event->kind == CAPTURE_FREE) {
		plain_close(plain, filter, block, event);
		return;
	}
	const struct plain_block old = event->kind == CAPTURE_REALLOC
					       ? blocks[event->old_address / 16 - 1]
					       : (struct plain_block) { 0 };
	if (event->kind == CAPTURE_REALLOC)
		plain_close(plain, filter, &blocks[event->old_address / 16 - 1], event);
	*block = (struct plain_block) { true, *event, old.is_there ? old.resizes + 1 : 0 };
	if (!passes(filter, event))
		return;
	struct stack_sums *sums = &plain->stacks[event->stack];
	bool is_resize = old.is_there && passes(filter, &old.event);
	if (is_resize && block->resizes > sums->longest_chain)
		sums->longest_chain = block->resizes;
	if (is_resize && event->size > old.event.size) {
		sums->grown++;
		sums->grown_from_bytes += old.event.size;
		sums->grown_to_bytes += event->size;
	}
	sums->live_bytes += event->size;
	sums->live_blocks++;
	sums->allocated_bytes += event->size;
	sums->allocations += event->kind == CAPTURE_ALLOC;
	sums->reallocations += event->kind == CAPTURE_REALLOC;
	if (sums->live_blocks > sums->most_blocks)
		sums->most_blocks = sums->live_blocks;
	if (sums->live_bytes > sums->peak_bytes) {
		sums->peak_bytes = sums->live_bytes;
		sums->peak_blocks = sums->live_blocks;
	}
	plain->totals.allocations += event->kind == CAPTURE_ALLOC;
	plain->totals.reallocations += event->kind == CAPTURE_REALLOC;
	plain->totals.allocated_bytes += event->size;
	plain->totals.live_bytes += event->size;
	plain->totals.live_blocks++;
	if (plain->totals.live_bytes > plain->totals.peak_bytes) {
		plain->totals.peak_bytes = plain->totals.live_bytes;
		plain->totals.peak_time_ns = event->time_ns;
		for (int i = 0; i <= STACKS; i++) {
			plain->stacks[i].at_peak_bytes = plain->stacks[i].live_bytes;
			plain->stacks[i].at_peak_blocks = plain->stacks[i].live_blocks;
		}
	}
}

/* What is live lives until the end. */
static void plain_end(struct plain *plain, const struct filter *filter, uint64_t end_ns)
{
	for (size_t i = 0; i < 2 * PLACES; i++) {
		const struct plain_block *block = &plain->blocks[i / PLACES][i % PLACES];
		if (block->is_there && passes(filter, &block->event))
			plain->stacks[block->event.stack].lifetime_us += end_ns / 1000 -
									 block->event.time_ns /
										 1000;
	}
}

/* Calls that make sense: a free is of a block that is there. */
static void make_events(struct capture_event *events, unsigned *seed)
{
	static bool is_there[2][PLACES];

	memset(is_there, 0, sizeof(is_there));
	for (uint64_t i = 0; i < EVENTS; i++) {
		uint32_t thread = 1 + (uint32_t)rand_r(seed) % THREADS;
		bool *there = is_there[THREAD_ROWS[thread].pid == 11];
		size_t place = (size_t)rand_r(seed) % PLACES, other = (size_t)rand_r(seed) % PLACES;
		struct capture_event *event = &events[i];
		*event = (struct capture_event) { .time_ns = STEP_NS * (i + 1),
						  .address = 16 * (place + 1),
						  .thread = thread,
						  .function = (uint8_t)(1 + rand_r(seed) % 2),
						  .stack = 1 + (uint32_t)rand_r(seed) % STACKS };
		event->size = (uint64_t)rand_r(seed) % 1000;
		event->kind = there[place] ? CAPTURE_FREE : CAPTURE_ALLOC;
		if (!there[place] && there[other] && rand_r(seed) % 3 == 0) {
			event->kind = CAPTURE_REALLOC;
			event->old_address = 16 * (other + 1);
			there[other] = false;
		}
		if (event->kind == CAPTURE_FREE)
			event->size = 0;
		there[place] = event->kind != CAPTURE_FREE;
	}
}

/* rand_r() gives 31 bits. */
static uint64_t random_up_to(unsigned *seed, uint64_t end)
{
	return ((uint64_t)rand_r(seed) << 31 | (uint64_t)rand_r(seed)) % end;
}

static void make_filter(struct filter *filter, unsigned *seed)
{
	static const char *const FUNCTIONS[] = { "work", "w*", "*", "help", "main", "none" };

	memset(filter, 0, sizeof(*filter));
	*filter = (struct filter)FILTER_NONE;
	filter->is_set = true;
	if (rand_r(seed) % 3 == 0)
		filter->pid = rand_r(seed) % 2 ? 9 : 11;
	if (rand_r(seed) % 3 == 0)
		strcpy(filter->thread, rand_r(seed) % 2 ? "worker-?" : "server");
	if (rand_r(seed) % 3 == 0)
		filter->size_min = (uint64_t)rand_r(seed) % 500;
	if (rand_r(seed) % 3 == 0)
		filter->size_max = 500 + (uint64_t)rand_r(seed) % 500;
	if (rand_r(seed) % 3 == 0)
		filter->from_ns = random_up_to(seed, STEP_NS / 2 * EVENTS);
	if (rand_r(seed) % 3 == 0)
		filter->to_ns = (500 + (uint64_t)rand_r(seed) % 500) * (STEP_NS / 1000) * EVENTS;
	if (rand_r(seed) % 5 == 0)
		filter->address = 16 * (1 + (uint64_t)rand_r(seed) % PLACES);
	if (rand_r(seed) % 5 == 0)
		filter->holding = 1 + (uint64_t)rand_r(seed) % (16 * PLACES + 1000);
	if (rand_r(seed) % 4 == 0)
		filter->age_min_ns = random_up_to(seed, END_NS);
	if (rand_r(seed) % 4 == 0)
		filter->age_max_ns = END_NS - random_up_to(seed, END_NS);
	if (rand_r(seed) % 4 == 0)
		strcpy(filter->suppressed, "nothing of the kind\n^help$\n");
	if (rand_r(seed) % 4 == 0)
		strcpy(filter->not_function, FUNCTIONS[rand_r(seed) % 6]);
	if (rand_r(seed) % 6 == 0)
		strcpy(filter->not_module, "lib?.so");
	if (rand_r(seed) % 4 == 0)
		strcpy(filter->process, rand_r(seed) % 2 ? "*d" : "tool");
	if (rand_r(seed) % 4 == 0)
		strcpy(filter->allocator, rand_r(seed) % 2 ? "c*" : "malloc");
	filter->is_live = rand_r(seed) % 4 == 0;
	if (rand_r(seed) % 3 == 0)
		strcpy(filter->function, FUNCTIONS[rand_r(seed) % 6]);
	if (rand_r(seed) % 3 == 0)
		strcpy(filter->module, rand_r(seed) % 2 ? "lib*" : "a");
}

static void compare(struct model *model, const struct plain *plain)
{
	const struct live_totals *totals = model_totals(model);
	uint64_t of_processes = 0, lifetime_ns = 0, at_peak = 0;

	assert_int_equal(totals->live_bytes, plain->totals.live_bytes);
	assert_int_equal(totals->live_blocks, plain->totals.live_blocks);
	assert_int_equal(totals->peak_bytes, plain->totals.peak_bytes);
	assert_int_equal(totals->peak_time_ns, plain->totals.peak_time_ns);
	assert_int_equal(totals->allocations, plain->totals.allocations);
	assert_int_equal(totals->reallocations, plain->totals.reallocations);
	assert_int_equal(totals->frees, plain->totals.frees);
	assert_int_equal(totals->allocated_bytes, plain->totals.allocated_bytes);
	assert_int_equal(totals->freed_bytes, plain->totals.freed_bytes);
	assert_int_equal(totals->frees_of_unknown + totals->missed_frees, 0);
	for (uint32_t id = 1; id <= STACKS; id++) {
		const struct stack_sums sums = model_sums(model, &model->stacks[id].sums),
					*expected = &plain->stacks[id];
		assert_int_equal(sums.live_bytes, expected->live_bytes);
		assert_int_equal(sums.live_blocks, expected->live_blocks);
		assert_int_equal(sums.peak_bytes, expected->peak_bytes);
		assert_int_equal(sums.peak_blocks, expected->peak_blocks);
		assert_int_equal(sums.at_peak_bytes, expected->at_peak_bytes);
		assert_int_equal(sums.at_peak_blocks, expected->at_peak_blocks);
		assert_int_equal(sums.allocations, expected->allocations);
		assert_int_equal(sums.frees, expected->frees);
		assert_int_equal(sums.most_blocks, expected->most_blocks);
		assert_int_equal(sums.grown, expected->grown);
		assert_int_equal(sums.grown_from_bytes, expected->grown_from_bytes);
		assert_int_equal(sums.grown_to_bytes, expected->grown_to_bytes);
		assert_int_equal(sums.longest_chain, expected->longest_chain);
		assert_int_equal(sums.lifetime_us, expected->lifetime_us);
		lifetime_ns += sums.lifetime_ns;
		at_peak += sums.at_peak_bytes;
	}
	assert_int_equal(at_peak, totals->peak_bytes);
	assert_int_equal(lifetime_ns, plain->lifetime_ns);
	/* by thread, by allocator, by size: the same blocks */
	uint64_t of_threads = 0, of_allocators = 0, of_sizes = 0, ended = 0, lived = 0;
	for (size_t i = 0; i < model->thread_state_count; i++) {
		of_threads += model->thread_states[i].sums.live_bytes;
		at_peak -= model_sums(model, &model->thread_states[i].sums).at_peak_bytes;
		ended += model->thread_states[i].sums.ended;
	}
	for (size_t i = 0; i < 256; i++)
		of_allocators += model->function_sums[i].allocated_bytes;
	for (size_t i = 0; i < BINS; i++) {
		of_sizes += model->sizes[i].live_bytes;
		lived += model->lifetimes[i];
		if (i > 0 && i < BINS - 1 && model->sizes[i].live_blocks)
			assert_in_range(model->sizes[i].live_bytes / model->sizes[i].live_blocks,
					1ull << (i - 1), (1ull << i) - 1);
	}
	assert_int_equal(at_peak, 0);
	assert_int_equal(of_threads, plain->totals.live_bytes);
	assert_int_equal(of_allocators, plain->totals.allocated_bytes);
	assert_int_equal(of_sizes, plain->totals.live_bytes);
	assert_int_equal(ended, plain->ended);
	assert_int_equal(lived, plain->ended);
	for (size_t i = 0; i < model->processes.count; i++)
		of_processes += model->processes.items[i].live_bytes;
	assert_int_equal(of_processes, plain->totals.live_bytes);
	struct tree_node *root = tree_new(model, false);
	assert_int_equal(root->sums.live_bytes, plain->totals.live_bytes);
	assert_int_equal(root->sums.allocated_bytes, plain->totals.allocated_bytes);
	tree_free(root);
}

/* At every moment that is kept, what was live of all stacks is what was live. */
static void compare_over_time(struct model *model)
{
	uint64_t live[HISTORY_MAX] = { 0 };
	struct timeline_point points[HISTORY_MAX];
	size_t count = 0;

	model_finish(model);
	for (size_t id = 0; id < model->stack_count; id++) {
		count = model_history(model, &model->stacks[id], points);
		for (size_t i = 0; i < count; i++)
			live[i] += points[i].live_bytes;
	}
	assert_int_equal(count, (model->timeline.count + HISTORY_EVERY - 1) / HISTORY_EVERY);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(live[i], model->timeline.points[i * HISTORY_EVERY].live_bytes);
}

/* Sums of what is told of each event. */
static void add_told(void *context, const struct block_event *event)
{
	struct live_totals *totals = context;

	if (event->flags & BLOCK_EVENT_HAS_OLD) {
		totals->live_bytes -= event->old_size;
		totals->live_blocks--;
		totals->frees += event->kind == BLOCK_FREED;
	}
	if (!(event->flags & BLOCK_EVENT_HAS_NEW))
		return;
	totals->live_bytes += event->size;
	totals->live_blocks++;
	totals->allocations += event->kind == BLOCK_ALLOCATED;
	totals->reallocations += event->kind == BLOCK_REALLOCATED;
	if (totals->live_bytes > totals->peak_bytes) {
		totals->peak_bytes = totals->live_bytes;
		totals->peak_time_ns = event->time_ns;
	}
}

static void feed_threads(struct model *model)
{
	struct bytes_buffer out = { 0 };

	for (size_t i = 0; i < sizeof(TARGETS) / sizeof(TARGETS[0]); i++)
		target_record_put(&out, &TARGETS[i]);
	feed(model, CHUNK_TARGETS, &out);
	for (uint32_t id = 1; id < sizeof(ALLOCATORS) / sizeof(ALLOCATORS[0]); id++)
		function_record_put(&out,
				    &(struct function_record) { .id = id,
								.name = (char *)ALLOCATORS[id],
								.instruction = (char *)"" });
	feed(model, CHUNK_FUNCTIONS, &out);

	for (uint32_t id = 1; id <= THREADS; id++)
		thread_record_put(&out,
				  &(struct thread_record) { .id = id,
							    .pid = THREAD_ROWS[id].pid,
							    .tid = THREAD_ROWS[id].tid,
							    .comm = (char *)THREAD_ROWS[id].comm });
	feed(model, CHUNK_THREADS, &out);
}

/* Fed once more, without names, it tells of the same events. */
static void compare_told(const struct model *model, const struct capture_event *events,
			 const struct plain *plain)
{
	struct live_totals told = { 0 };
	struct bytes_buffer out = { 0 };
	struct model again;

	assert_int_equal(model_open_again(&again, model), 0);
	again.tell = add_told;
	again.tell_context = &told;
	feed_threads(&again);
	capture_events_encode(&out, events, EVENTS);
	feed(&again, CHUNK_EVENTS, &out);
	assert_int_equal(told.live_bytes, plain->totals.live_bytes);
	assert_int_equal(told.live_blocks, plain->totals.live_blocks);
	assert_int_equal(told.peak_bytes, plain->totals.peak_bytes);
	assert_int_equal(told.peak_time_ns, plain->totals.peak_time_ns);
	assert_int_equal(told.allocations, plain->totals.allocations);
	assert_int_equal(told.reallocations, plain->totals.reallocations);
	assert_int_equal(told.frees, plain->totals.frees);
	model_close(&again);
}

/* Which allocations are live at the end, or at to_ns: by the plain model, and by another pass. */
static void find_survivors(const struct filter *filter, const struct capture_event *events,
			   struct survivors *survivors)
{
	struct filter until = FILTER_NONE;
	struct bytes_buffer out = { 0 };
	static struct plain plain;
	struct model model;

	memset(&plain, 0, sizeof(plain));
	memset(survives, 0, sizeof(survives));
	until.to_ns = filter->to_ns;
	for (size_t i = 0; i < EVENTS; i++)
		plain_apply(&plain, &until, &events[i]);
	for (size_t i = 0; i < 2 * PLACES; i++)
		if (plain.blocks[i / PLACES][i % PLACES].is_there)
			survives[plain.blocks[i / PLACES][i % PLACES].event.time_ns / STEP_NS] =
				true;
	assert_int_equal(model_open(&model, &until), 0);
	feed_threads(&model);
	capture_events_encode(&out, events, EVENTS);
	feed(&model, CHUNK_EVENTS, &out);
	assert_int_equal(survivors_find(model.live, survivors), 0);
	model_close(&model);
}

static void every_figure_is_that_of_the_blocks_that_pass(void **state)
{
	static struct capture_event events[EVENTS];
	unsigned seed = 5;

	(void)state;
	for (int round = 0; round < 400; round++) {
		static struct plain plain;
		struct bytes_buffer out = { 0 };
		struct survivors survivors;
		struct filter filter;
		struct model model;
		memset(&plain, 0, sizeof(plain));
		make_events(events, &seed);
		make_filter(&filter, &seed);
		assert_int_equal(model_open(&model, &filter), 0);
		model.end_ns = END_NS;
		find_survivors(&filter, events, &survivors);
		model.survivors = &survivors;
		feed_names(&model);
		feed_threads(&model);
		capture_events_encode(&out, events, EVENTS);
		feed(&model, CHUNK_EVENTS, &out);
		for (size_t i = 0; i < EVENTS; i++)
			plain_apply(&plain, &filter, &events[i]);
		plain_end(&plain, &filter, model_until_ns(&model));
		compare(&model, &plain);
		compare_over_time(&model);
		compare_told(&model, events, &plain);
		model_close(&model);
		survivors_free(&survivors);
	}
}

static void a_filter_is_read_from_a_question(void **state)
{
	json_t *object = json_pack("{s:i, s:i, s:s, s:s}", "pid", 7, "size_min", 100, "function",
				   "x*", "module", "lib?");
	struct filter filter;

	(void)state;
	assert_null(filter_parse(object, &filter));
	assert_true(filter.is_set && filter.pid == 7 && filter.size_min == 100 &&
		    filter.size_max == UINT64_MAX);
	assert_string_equal(filter.function, "x*");
	assert_true(filter_needs_names(&filter));
	json_object_set_new(object, "pid", json_integer(-1));
	assert_non_null(filter_parse(object, &filter));
	json_object_set_new(object, "pid", json_string("7"));
	assert_non_null(filter_parse(object, &filter));
	json_decref(object);
	object = json_pack("{s:s}", "colour", "red");
	assert_non_null(filter_parse(object, &filter));
	json_decref(object);
	assert_null(filter_parse(NULL, &filter));
	assert_false(filter.is_set || filter_needs_names(&filter));
}

static void patterns_match_as_shells_do(void **state)
{
	static char many[4096], text[4096];

	(void)state;
	assert_true(glob_matches("", "") && glob_matches("*", "") && glob_matches("a*c", "abbc"));
	assert_true(glob_matches("a?c", "abc") && glob_matches("*b*", "abc") &&
		    glob_matches("**", "x"));
	assert_false(glob_matches("", "a") || glob_matches("a?", "a") ||
		     glob_matches("*b", "abc") || glob_matches("a*d", "abc"));
	/* patterns that explode elsewhere */
	memset(text, 'a', sizeof(text) - 1);
	for (size_t i = 0; i + 2 < sizeof(many); i += 2)
		memcpy(many + i, "*a", 2);
	many[sizeof(many) - 2] = 'b';
	assert_false(glob_matches(many, text));
}

static void suppressions_are_those_of_leak_sanitizer(void **state)
{
	static const char TEXT[] = "# known\n\nleak:libfoo\n  leak:^exact$ \r\nleak:begin*end\n";
	char patterns[256];
	const char *why;

	(void)state;
	assert_int_equal(suppressions_parse(TEXT, patterns, sizeof(patterns), &why), 0);
	assert_string_equal(patterns, "libfoo\n^exact$\nbegin*end\n");
	assert_true(suppressions_match(patterns, "/usr/lib/libfoo.so.1"));
	assert_true(suppressions_match(patterns, "exact"));
	assert_false(suppressions_match(patterns, "exactly"));
	assert_true(suppressions_match(patterns, "a begin b end c"));
	assert_false(suppressions_match(patterns, "end begin"));
	assert_false(suppressions_match("", "x"));
	assert_int_equal(suppressions_parse("leak:a\nrace:b\n", patterns, sizeof(patterns), &why),
			 2);
	assert_int_equal(suppressions_parse("leak:", patterns, sizeof(patterns), &why), 1);
	/* no room for all */
	assert_int_equal(suppressions_parse(TEXT, patterns, 12, &why), 4);
	assert_true(strlen(patterns) < 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_figure_is_that_of_the_blocks_that_pass),
		cmocka_unit_test(a_filter_is_read_from_a_question),
		cmocka_unit_test(patterns_match_as_shells_do),
		cmocka_unit_test(suppressions_are_those_of_leak_sanitizer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
